// SPDX-License-Identifier: GPL-2.0
// The pool: its members in order, and the memory kept aside for them.
#ifndef DM_REMAP_SPARE_POOL_POOL_HH
#define DM_REMAP_SPARE_POOL_POOL_HH

#include "spare_pool/member.hh"
#include "spare_pool/missing_member.hh"

#include <dm_remap/spare_pool.h>

namespace dm_remap::pool {

// What the functions of dmr_spare_pool_ops do, see spare_pool.h. The caller serialises.
class Pool final {
public:
	Pool() = default;
	Pool(const Pool &) = delete;
	Pool &operator=(const Pool &) = delete;

	// ENOMEM unless the whole reserve of chunks could be had.
	Error init();
	void destroy();

	Error add_member(uint32_t member, SpareBlock first, SpareBlock end, bool missing);
	Error load_done();
	void set_open(uint32_t member, bool open);
	Error remove_member(uint32_t member);
	Result<dmr_spare_extent> allocate(Blocks wanted);
	Error reserve(const dmr_spare_extent &extent);
	void release(const dmr_spare_extent &extent);
	Error prepare_bad(const dmr_spare_extent &extent);
	Error mark_bad(const dmr_spare_extent &extent);
	bool next_bad(uint32_t member, SpareBlock from, dmr_spare_extent &out) const;
	dmr_pool_usage usage(uint32_t member) const;

private:
	// What may have to allocate chunks, of a member's blocks. EINVAL if there are no such blocks.
	Error with_chunks(const dmr_spare_extent &extent, Error (Member::*what)(Run run, ChunkReserve &reserve));
	static void free_member(Member *member);
	void free_missing(MissingMember *member);
	// NULL if there is no such member, or it is one of the other kind.
	Member *find(uint32_t member) const { return member < DMR_MAX_MEMBERS ? members_[member] : nullptr; }
	MissingMember *find_missing(uint32_t member) const { return member < DMR_MAX_MEMBERS ? missing_[member] : nullptr; }

	Member *members_[DMR_MAX_MEMBERS] = {};
	MissingMember *missing_[DMR_MAX_MEMBERS] = {};
	RunSet::Budget missing_memory_ = {DMR_POOL_MISSING_BYTES};
	ChunkReserve reserve_;
};

} // namespace dm_remap::pool

#endif
