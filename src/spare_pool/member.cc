// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/member.hh"

#include <bit>
#include <cstdint>

namespace dm_remap::pool {

Error Member::init(SpareBlock first, SpareBlock end)
{
	const uint64_t bits = (end - first).value;

	first_ = first;
	cursor_ = 0;
	if (Error error = used_.init(bits))
		return error;
	return bad_.init(bits);
}

void Member::destroy()
{
	used_.destroy();
	bad_.destroy();
}

bool Member::contains(Run run) const
{
	return run.start >= first_ && run.start < run.end && bit(run.end) <= total();
}

uint64_t Member::next_free(uint64_t from, uint64_t end, Where where) const
{
	while (from < end) {
		if (where == Where::memory_present)
			from = used_.next_provided(from, end);
		if (from >= end)
			break;
		const uint64_t chunk = from / chunk_bits;

		if (used_.count(chunk) + bad_.count(chunk) == chunk_bits) {
			from = (chunk + 1) * chunk_bits;
			continue;
		}
		if (!used_.count(chunk) && !bad_.count(chunk))
			return from;

		const uint64_t word = from / word_bits;
		if (uint64_t zeros = ~(used_.word(word) | bad_.word(word)) & mask_from(from)) {
			const uint64_t found = word * word_bits + static_cast<uint64_t>(std::countr_zero(zeros));

			return found < end ? found : end;
		}
		from = (word + 1) * word_bits;
	}
	return end;
}

uint64_t Member::find_free(Where where) const
{
	const uint64_t found = next_free(cursor_, total(), where);

	if (found < total())
		return found;
	const uint64_t wrapped = next_free(0, cursor_, where);
	return wrapped < cursor_ ? wrapped : total();
}

uint64_t Member::next_taken(uint64_t from, uint64_t end) const
{
	return bad_.next_set(from, used_.next_set(from, end));
}

Result<Run> Member::allocate(Blocks wanted, ChunkReserve &reserve)
{
	if (!free())
		return Error(ENOSPC);

	uint64_t from = find_free(Where::anywhere);
	for (bool last_try = false;; last_try = true) {
		const uint64_t limit = wanted.value < total() - from ? from + wanted.value : total();
		const uint64_t end = used_.provide(from, next_taken(from, limit), reserve, ChunkReserve::for_bad);

		if (end > from) {
			used_.set(from, end);
			cursor_ = end < total() ? end : 0;
			return run(from, end);
		}
		if (!last_try)
			from = find_free(Where::memory_present);
		if (last_try || from == total())
			return Error(ENOMEM);
	}
}

Error Member::reserve(Run run, ChunkReserve &reserve)
{
	if (!contains(run))
		return Error(EINVAL);

	const uint64_t from = bit(run.start), end = bit(run.end);
	if (next_taken(from, end) != end)
		return Error(EEXIST);
	if (used_.provide(from, end, reserve, ChunkReserve::for_bad) != end)
		return Error(ENOMEM);
	used_.set(from, end);
	return Error::none();
}

Error Member::release(Run run)
{
	if (!contains(run))
		return Error(EINVAL);

	const uint64_t from = bit(run.start), end = bit(run.end);
	if (used_.next_clear(from, end) != end)
		return Error(EINVAL);
	used_.clear(from, end);
	return Error::none();
}

Error Member::prepare_bad(Run run, ChunkReserve &reserve)
{
	if (!contains(run))
		return Error(EINVAL);
	return bad_.provide(bit(run.start), bit(run.end), reserve, 0) == bit(run.end) ? Error::none() : Error(ENOMEM);
}

Error Member::mark_bad(Run run, ChunkReserve &reserve)
{
	if (Error error = prepare_bad(run, reserve))
		return error;

	const uint64_t from = bit(run.start), end = bit(run.end);
	for (uint64_t at = used_.next_set(from, end); at < end; at = used_.next_set(at, end)) {
		const uint64_t stop = used_.next_clear(at, end);

		used_.clear(at, stop);
		at = stop;
	}
	for (uint64_t at = bad_.next_clear(from, end); at < end; at = bad_.next_clear(at, end)) {
		const uint64_t stop = bad_.next_set(at, end);

		bad_.set(at, stop);
		at = stop;
	}
	return Error::none();
}

Run Member::next_bad(SpareBlock from) const
{
	constexpr uint64_t longest = UINT32_MAX;
	const uint64_t start = from < first_ ? 0 : bit(from);

	if (start >= total())
		return {};
	const uint64_t found = bad_.next_set(start, total());
	const uint64_t limit = longest < total() - found ? found + longest : total();
	return run(found, bad_.next_clear(found, limit));
}

} // namespace dm_remap::pool
