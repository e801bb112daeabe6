// SPDX-License-Identifier: GPL-2.0
// Which spare block: the pool of the role module, and which of its members give out blocks at present.
//
// A member is known (the set has it, though it may be missing), healthy (its metadata is written), closed (by decision:
// it is being emptied) and avoided (it has failed, and another one has room). Blocks are given out on members that are
// healthy, and neither closed nor avoided.
#ifndef DM_REMAP_CORE_MAP_SPARE_ALLOCATOR_HH
#define DM_REMAP_CORE_MAP_SPARE_ALLOCATOR_HH

#include "core/map/member_list.hh"

#include <dm_remap/locks.hh>
#include <dm_remap/result.hh>
#include <dm_remap/spare_pool.h>
#include <dm_remap/units.hh>

#include <span>

namespace dm_remap {

// Serialises its callers by a lock that is innermost: no I/O under it. All in process context; may block, unless said
// otherwise.
class SpareAllocator final {
public:
	// inst: for the log.
	Error init(dmr_instance *inst, const dmr_spare_pool_ops *ops);
	void destroy();

	// ---- while the map is loaded, or the set changes ----

	// No member any more. `dmsetup status` may ask for the usage meanwhile.
	Error reset();
	// A further member, whose spare blocks are [first, end). Nothing is given out there before it is healthy; of one that is
	// missing, nothing ever.
	Error add(uint32_t slot, uint64_t first, uint64_t end, bool missing);
	// What the map says of the members has been said. ENOMEM, E2BIG: not all of it could be kept.
	Error load_done();
	// EBUSY: blocks of it are in use; then it stays in the pool, but is known no more.
	Error remove(uint32_t slot);
	// These and no others are healthy, a bit per slot. Answers those that were and are not any more.
	uint32_t set_healthy(uint32_t members);

	// ---- blocks ----

	// ENOSPC, ENOMEM. Better one that has failed than none: if all others are full, those avoided are asked again.
	Result<dmr_spare_extent> allocate(Blocks wanted);
	void release(const dmr_spare_extent &extent);
	// Of these blocks, which are in use, those that are not bad.
	void release_good(const dmr_spare_extent &extent);
	// As a loaded map says. EINVAL: they are in use already, or there are none such. ENOMEM; E2BIG: on missing members.
	Error reserve(const dmr_spare_extent &extent);
	// The memory that note_bad() needs for those of these records that speak of bad blocks.
	Error prepare_bad(std::span<const dmr_record> records);
	Error note_bad(const dmr_spare_extent &extent);
	bool is_bad(const dmr_spare_extent &extent) const;
	bool next_bad(uint32_t slot, uint64_t from, dmr_spare_extent &out) const;
	// Runs of bad blocks of all members; counted.
	uint64_t bad_runs() const;
	dmr_pool_usage usage(uint32_t slot) const; // of one, or of all with DMR_MAX_MEMBERS

	// ---- members ----

	// This member does not do what it should: if another one has free blocks nothing more is allocated here, until the
	// next load. Answers whether that is so.
	bool avoid(uint32_t slot);
	// From now on nothing is allocated on this member; or again.
	void close(uint32_t slot);
	void reopen(uint32_t slot);

	// A bit per slot. Any context.
	uint32_t known() const { return __atomic_load_n(&known_, __ATOMIC_RELAXED); }
	uint32_t healthy() const { return __atomic_load_n(&healthy_, __ATOMIC_RELAXED); }
	uint32_t avoided() const { return __atomic_load_n(&avoided_, __ATOMIC_RELAXED); }
	bool knows(uint32_t slot) const { return slot < MemberList::slots && known() >> slot & 1; }

private:
	// Callers hold the lock.
	void set_open(uint32_t slot);
	void set_open_all();

	dmr_instance *inst_ = nullptr;
	const dmr_spare_pool_ops *ops_ = nullptr;
	dmr_pool *pool_ = nullptr;
	Mutex lock_;
	uint32_t known_ = 0;
	uint32_t healthy_ = 0;
	uint32_t closed_ = 0, avoided_ = 0;
};

} // namespace dm_remap

#endif
