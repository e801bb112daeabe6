// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/pool.hh"

#include <limits>
#include <new>

namespace dm_remap::pool {

namespace {

// Whether start + length can be computed at all; whether it lies in the data area the member checks.
bool sane(const dmr_spare_extent &extent)
{
	return extent.length && extent.block <= std::numeric_limits<uint64_t>::max() - extent.length;
}

Run run_of(const dmr_spare_extent &extent)
{
	const SpareBlock start(extent.block);

	return {start, start + Blocks(extent.length)};
}

dmr_spare_extent extent_of(uint32_t member, Run run)
{
	return {run.start.value, static_cast<uint32_t>(run.length().value), member};
}

} // namespace

Error Pool::init()
{
	reserve_.refill();
	return reserve_.available() == ChunkReserve::capacity ? Error::none() : Error(ENOMEM);
}

void Pool::destroy()
{
	for (Member *&member : members_) {
		free_member(member);
		member = nullptr;
	}
	reserve_.destroy();
}

void Pool::free_member(Member *member)
{
	if (member)
		member->destroy();
	dmr_free(member);
}

Member *Pool::find(uint32_t member) const
{
	return member < DMR_MAX_MEMBERS ? members_[member] : nullptr;
}

Error Pool::add_member(uint32_t member, SpareBlock first, SpareBlock end)
{
	if (member >= DMR_MAX_MEMBERS || first >= end || (end - first).value > SparseBitmap::max_bits)
		return Error(EINVAL);
	if (members_[member])
		return Error(EEXIST);

	void *memory = dmr_alloc(sizeof(Member));
	if (!memory)
		return Error(ENOMEM);
	Member *added = new (memory) Member;
	if (Error error = added->init(first, end)) {
		free_member(added);
		return error;
	}
	members_[member] = added;
	return Error::none();
}

void Pool::set_open(uint32_t member, bool open)
{
	if (Member *found = find(member))
		found->set_open(open);
}

Error Pool::remove_member(uint32_t member)
{
	Member *found = find(member);

	if (!found)
		return Error(EINVAL);
	if (found->used())
		return Error(EBUSY);
	free_member(found);
	members_[member] = nullptr;
	return Error::none();
}

Result<dmr_spare_extent> Pool::allocate(Blocks wanted)
{
	Error error(ENOSPC);

	if (!wanted.value)
		return Error(EINVAL);
	reserve_.refill();
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++) {
		if (!members_[i])
			continue;
		const Result<Run> found = members_[i]->allocate(wanted, reserve_);

		if (found.ok())
			return extent_of(i, *found);
		// A full member says nothing of the others; want of memory in one is told if the others are full.
		if (found.error().code() != ENOSPC)
			error = found.error();
	}
	return error;
}

Error Pool::with_chunks(const dmr_spare_extent &extent, Error (Member::*what)(Run run, ChunkReserve &reserve))
{
	Member *member = find(extent.member);

	if (!member || !sane(extent))
		return Error(EINVAL);
	reserve_.refill();
	return (member->*what)(run_of(extent), reserve_);
}

Error Pool::reserve(const dmr_spare_extent &extent)
{
	return with_chunks(extent, &Member::reserve);
}

void Pool::release(const dmr_spare_extent &extent)
{
	Member *member = find(extent.member);

	if (!member || !sane(extent) || member->release(run_of(extent)))
		dmr_log(nullptr, DMR_LOG_ERR,
			"spare pool: blocks %llu+%u of member %u are not all in use, their release is refused; this is "
			"a bug, please report it",
			static_cast<unsigned long long>(extent.block), extent.length, extent.member);
}

Error Pool::prepare_bad(const dmr_spare_extent &extent)
{
	return with_chunks(extent, &Member::prepare_bad);
}

Error Pool::mark_bad(const dmr_spare_extent &extent)
{
	return with_chunks(extent, &Member::mark_bad);
}

bool Pool::next_bad(uint32_t member, SpareBlock from, dmr_spare_extent &out) const
{
	const Member *found = find(member);
	const Run run = found ? found->next_bad(from) : Run{};

	if (run.empty())
		return false;
	out = extent_of(member, run);
	return true;
}

dmr_pool_usage Pool::usage(uint32_t member) const
{
	dmr_pool_usage sum = {};

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++) {
		if (!members_[i] || (member != DMR_MAX_MEMBERS && member != i))
			continue;
		sum.total += members_[i]->total();
		sum.used += members_[i]->used();
		sum.bad += members_[i]->bad();
		sum.free += members_[i]->free();
	}
	return sum;
}

} // namespace dm_remap::pool
