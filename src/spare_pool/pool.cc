// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/pool.hh"

#include <cstdint>
#include <new>

namespace dm_remap::pool {

namespace {

// Whether start + length can be computed at all; whether it lies in the data area the member checks.
bool sane(const dmr_spare_extent &extent)
{
	return extent.length && extent.block <= UINT64_MAX - extent.length;
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
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++) {
		free_member(members_[i]);
		free_missing(missing_[i]);
		members_[i] = nullptr;
		missing_[i] = nullptr;
	}
	reserve_.destroy();
}

void Pool::free_member(Member *member)
{
	if (member)
		member->destroy();
	dmr_free(member);
}

void Pool::free_missing(MissingMember *member)
{
	if (member)
		member->destroy(missing_memory_);
	dmr_free(member);
}

Error Pool::add_member(uint32_t member, SpareBlock first, SpareBlock end, bool missing)
{
	if (member >= DMR_MAX_MEMBERS || first >= end || (!missing && (end - first).value > SparseBitmap::max_bits))
		return Error(EINVAL);
	if (members_[member] || missing_[member])
		return Error(EEXIST);

	void *memory = dmr_alloc(missing ? sizeof(MissingMember) : sizeof(Member));
	if (!memory)
		return Error(ENOMEM);
	if (missing) {
		missing_[member] = new (memory) MissingMember(first, end);
		return Error::none();
	}
	Member *added = new (memory) Member;
	if (Error error = added->init(first, end)) {
		free_member(added);
		return error;
	}
	members_[member] = added;
	return Error::none();
}

Error Pool::load_done()
{
	Error result = Error::none();

	for (MissingMember *member : missing_) {
		if (!member)
			continue;
		if (Error error = member->load_done(missing_memory_))
			result = error;
	}
	return result;
}

void Pool::set_open(uint32_t member, bool open)
{
	if (Member *found = find(member))
		found->set_open(open);
}

Error Pool::remove_member(uint32_t member)
{
	Member *found = find(member);
	MissingMember *missing = find_missing(member);

	if (!found && !missing)
		return Error(EINVAL);
	if (found ? found->used() : missing->used())
		return Error(EBUSY);
	free_member(found);
	free_missing(missing);
	members_[member] = nullptr;
	missing_[member] = nullptr;
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
	if (MissingMember *missing = find_missing(extent.member))
		return sane(extent) ? missing->reserve(run_of(extent), missing_memory_) : Error(EINVAL);
	return with_chunks(extent, &Member::reserve);
}

void Pool::release(const dmr_spare_extent &extent)
{
	Member *member = find(extent.member);
	MissingMember *missing = find_missing(extent.member);
	Error error(EINVAL);

	if (sane(extent) && missing)
		error = missing->release(run_of(extent), missing_memory_);
	else if (sane(extent) && member)
		error = member->release(run_of(extent));
	if (error)
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
	if (MissingMember *missing = find_missing(extent.member))
		return sane(extent) ? missing->mark_bad(run_of(extent), missing_memory_) : Error(EINVAL);
	return with_chunks(extent, &Member::mark_bad);
}

bool Pool::next_bad(uint32_t member, SpareBlock from, dmr_spare_extent &out) const
{
	const Member *found = find(member);
	const MissingMember *missing = find_missing(member);
	const Run run = found ? found->next_bad(from) : missing ? missing->next_bad(from) : Run{};

	if (run.empty())
		return false;
	out = extent_of(member, run);
	return true;
}

dmr_pool_usage Pool::usage(uint32_t member) const
{
	dmr_pool_usage sum = {};

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++) {
		if (member != DMR_MAX_MEMBERS && member != i)
			continue;
		if (const Member *found = members_[i]) {
			sum.total += found->total();
			sum.used += found->used();
			sum.bad += found->bad();
			sum.free += found->free();
		}
		if (const MissingMember *missing = missing_[i]) {
			sum.total += missing->total();
			sum.used += missing->used();
			sum.bad += missing->bad();
		}
	}
	return sum;
}

} // namespace dm_remap::pool
