// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/missing_member.hh"

#include <cstdint>

namespace dm_remap::pool {

void MissingMember::destroy(RunSet::Budget &budget)
{
	taken_.destroy(budget);
	bad_.destroy(budget);
}

Error MissingMember::reserve(Run run, RunSet::Budget &budget)
{
	const uint64_t from = run.start.value, end = run.end.value;

	if (!contains(run) || loaded_)
		return Error(EINVAL);
	if (lapse_)
		return lapse_;
	if (taken_.overlaps(from, end) || bad_.overlaps(from, end))
		return Error(EEXIST);
	if (Error error = taken_.add(from, end, budget))
		return error;
	used_ = taken_.count();
	return Error::none();
}

Error MissingMember::release(Run run, RunSet::Budget &budget)
{
	const uint64_t from = run.start.value, end = run.end.value;

	if (!contains(run) || run.length().value > used_ || bad_.overlaps(from, end))
		return Error(EINVAL);
	if (!loaded_ && !lapse_) {
		if (!taken_.contains(from, end))
			return Error(EINVAL);
		lapse_ = taken_.remove(from, end, budget);
	}
	used_ -= run.length().value;
	return Error::none();
}

Error MissingMember::mark_bad(Run run, RunSet::Budget &budget)
{
	const uint64_t end = run.end.value;

	if (!contains(run) || loaded_)
		return Error(EINVAL);
	if (lapse_)
		return lapse_;
	for (uint64_t at = run.start.value; at < end;) {
		const RunSet::Found known = bad_.next(at);
		const uint64_t stop = known.empty() || known.start > end ? end : known.start;

		if (known.start == at && !known.empty()) {
			at = known.end;
			continue;
		}
		if (Error error = forget_used(at, stop, budget))
			return error;
		if (Error error = bad_.add(at, stop, budget))
			return error;
		at = stop;
	}
	return Error::none();
}

Error MissingMember::forget_used(uint64_t from, uint64_t end, RunSet::Budget &budget)
{
	for (RunSet::Found used = taken_.next(from); !used.empty() && used.start < end; used = taken_.next(from)) {
		if (Error error = taken_.remove(used.start, used.end < end ? used.end : end, budget))
			return error;
		used_ = taken_.count();
	}
	return Error::none();
}

Error MissingMember::load_done(RunSet::Budget &budget)
{
	taken_.destroy(budget);
	loaded_ = true;
	return lapse_;
}

Run MissingMember::next_bad(SpareBlock from) const
{
	constexpr uint64_t longest = UINT32_MAX;
	const RunSet::Found found = bad_.next(from.value);

	if (found.empty())
		return {};
	return {SpareBlock(found.start), SpareBlock(found.end - found.start < longest ? found.end : found.start + longest)};
}

} // namespace dm_remap::pool
