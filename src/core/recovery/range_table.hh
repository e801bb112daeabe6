// SPDX-License-Identifier: GPL-2.0
// Block ranges that a slow path holds exclusively, and the requests that wait for them.
//
// Whoever holds a range asks the index again after taking it: the world may have changed while it waited.
// any() and overlaps() are what map asks: no lock, one load while nothing is taken. They may miss a range that is being
// taken at that moment; whoever needs certainty (a mover) publishes its range and then drains. Of one that they miss
// because it was released, the caller sees in the index what its holder has done, if he looks there afterwards.
#ifndef DM_REMAP_CORE_RANGE_TABLE_HH
#define DM_REMAP_CORE_RANGE_TABLE_HH

#include <dm_remap/locks.hh>

#include <dm_remap/kernel_api.h>
#include <dm_remap/result.hh>
#include <dm_remap/units.hh>

#include <array>

namespace dm_remap {

class RangeTable final {
public:
	// One for each worker, one more for each that tests a control block meanwhile, one for each write that waits for its commit
	// without a worker, and some for the mover and the patrol: whoever knows them all sees to it (engine.cc).
	static constexpr uint32_t slots = 144;
	static constexpr uint32_t none = ~0u;

	// taken: where the number of ranges that are held is kept for map to see, 0 now.
	Error init(uint32_t &taken);
	void destroy();

	// Any context.
	bool any() const { return __atomic_load_n(taken_, __ATOMIC_CONSUME) != 0; }
	bool overlaps(MainBlock start, Blocks length) const;

	// Take the range and answer its slot; or answer none, and req waits: a release() will return it. process, may block.
	uint32_t take_or_park(MainBlock start, Blocks length, dmr_request *req);
	// Take the range, or answer none. any.
	uint32_t try_take(MainBlock start, Blocks length);
	// Take the range when its holders have released it. process, may block.
	uint32_t take(MainBlock start, Blocks length);
	// Now: each range that is taken later has a number above this one. any.
	uint64_t moment() const { return __atomic_load_n(&moment_, __ATOMIC_RELAXED); }
	// Is a range still held in this slot that was taken by then? Which. any.
	bool held_since(uint64_t moment, uint32_t slot, MainBlock &start, MainBlock &end);
	// Wait until it is released, whoever takes what meanwhile. False: past the deadline it is not. process, may block.
	bool outlast(uint64_t moment, uint32_t slot, uint64_t deadline_ns);
	// Wait until those whom release() has returned have taken their ranges, or wait for others; to the deadline at most. A holder
	// that takes one range after the other would be there before them each time. process, may block.
	void let_in(uint64_t deadline_ns);
	// Give the range back. Answers the requests that waited for it, oldest first, linked; the caller puts them back
	// into their queue. process, may block.
	dmr_request *release(uint32_t slot);

private:
	struct Slot {
		uint64_t start = 0;
		uint64_t end = 0;		// 0: free
		uint64_t number = 0;
		dmr_request *first = nullptr;	// parked
		dmr_request *last = nullptr;
	};

	// The slot in the way, or none. Caller holds the lock.
	uint32_t conflict(uint64_t start, uint64_t end) const;
	uint32_t occupy(uint64_t start, uint64_t end);
	uint32_t occupy_or_park(MainBlock start, Blocks length, dmr_request *req);
	bool still_returning();
	void wake();

	Spinlock lock_;
	Mutex wait_lock_;		// around lock_
	dmr_cond *released_ = nullptr;
	uint32_t waiting_ = 0;		// in take(), outlast() and let_in()
	uint32_t returning_ = 0;	// requests that release() has returned and that have not come again
	uint64_t moment_ = 0;		// ranges that were ever taken
	uint32_t *taken_ = nullptr;
	std::array<Slot, slots> slots_{};
};

} // namespace dm_remap

#endif
