// SPDX-License-Identifier: GPL-2.0
#include "faults.hh"

#include <algorithm>
#include <ctime>

namespace dm_remap::stress {

Moment now()
{
	timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return Moment(t.tv_sec) * 1'000'000'000 + Moment(t.tv_nsec);
}

void Faults::main_bad(uint64_t start, uint64_t count, bool reads)
{
	const std::lock_guard guard(mutex_);

	for (uint64_t s = start; s < start + count; s++) {
		main_.at(s).moved = true;
		if (reads) {
			main_[s].unreadable = {now(), ever};
			main_[s].surely = ever;
		}
	}
}

void Faults::main_is_bad(uint64_t start, uint64_t count)
{
	const std::lock_guard guard(mutex_);

	for (uint64_t s = start; s < start + count; s++)
		main_.at(s).surely = now();
}

void Faults::main_good(uint64_t start, uint64_t count, Moment bad_until)
{
	const std::lock_guard guard(mutex_);

	for (uint64_t s = start; s < start + count; s++) {
		if (main_.at(s).surely < bad_until)
			main_[s].unreadable.to = std::min(main_[s].unreadable.to, now());
	}
}

void Faults::written(uint64_t start, uint64_t count, Moment submitted)
{
	const std::lock_guard guard(mutex_);

	for (uint64_t s = start; s < start + count; s++) {
		if (main_.at(s).surely < submitted)
			main_[s].unreadable.to = std::min(main_[s].unreadable.to, now());
	}
}

uint32_t Faults::begin(What what)
{
	const std::lock_guard guard(mutex_);

	faults_.push_back({what, {now(), ever}});
	return uint32_t(faults_.size() - 1);
}

void Faults::end(uint32_t number)
{
	const std::lock_guard guard(mutex_);

	faults_.at(number).span.to = now();
}

bool Faults::any(What what, Moment begun, Moment ended) const
{
	return std::any_of(faults_.begin(), faults_.end(),
			   [&](const Fault &fault) { return fault.what == what && fault.span.touches(begun, ended); });
}

bool Faults::moved(uint64_t start, uint64_t count) const
{
	return std::any_of(main_.begin() + ptrdiff_t(start), main_.begin() + ptrdiff_t(start + count),
			   [](const Sector &sector) { return sector.moved; });
}

bool Faults::explains_read(uint64_t start, uint64_t count, Moment begun, Moment ended) const
{
	const std::lock_guard guard(mutex_);

	if (std::any_of(main_.begin() + ptrdiff_t(start), main_.begin() + ptrdiff_t(start + count),
			[&](const Sector &sector) { return sector.unreadable.touches(begun, ended); }))
		return true;
	return moved(start, count) && (any(What::spare_gone, begun, ended) || any(What::all_gone, begun, ended));
}

bool Faults::explains_write(uint64_t start, uint64_t count, Moment begun, Moment ended) const
{
	const std::lock_guard guard(mutex_);

	return moved(start, count) && (any(What::main_flush, begun, ended) || any(What::all_gone, begun, ended));
}

bool Faults::explains_flush(Moment since, Moment ended) const
{
	const std::lock_guard guard(mutex_);

	for (What what : {What::spare_gone, What::spare_flush, What::main_flush, What::all_gone}) {
		if (any(what, since, ended))
			return true;
	}
	return false;
}

} // namespace dm_remap::stress
