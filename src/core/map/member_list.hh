// SPDX-License-Identifier: GPL-2.0
// The pool members by their slot in the set: where the spare blocks of each lie.
//
// Slots are filled by the constructor, by add_spare, and emptied by remove_spare when nothing lives there any more.
// Readers take no lock: a slot's range is written before its device is shown, and whoever finds a block in the index
// that lives on a member finds the member too.
#ifndef DM_REMAP_CORE_MEMBER_LIST_HH
#define DM_REMAP_CORE_MEMBER_LIST_HH

#include <dm_remap/metadata.h>

#include <array>

namespace dm_remap {

class MemberList final {
public:
	static constexpr uint32_t slots = DMR_MAX_MEMBERS;

	// Null: no member, or one that is missing. Any context.
	dmr_device *device(uint32_t slot) const { return __atomic_load_n(&ranges_[slot].dev, __ATOMIC_CONSUME); }
	bool present(uint32_t slot) const { return device(slot) != nullptr; }
	// Only if present. Any context.
	const dmr_member_range &range(uint32_t slot) const { return ranges_[slot]; }
	const dmr_member_range *ranges() const { return ranges_.data(); }

	// The slot of this range, or `slots`. Any context.
	uint32_t find(const dmr_member_range &range) const
	{
		for (uint32_t i = 0; i < slots; i++) {
			if (device(i) == range.dev && range.dev && ranges_[i].start == range.start)
				return i;
		}
		return slots;
	}

	// One writer at a time. process.
	void set(uint32_t slot, const dmr_member_range &range)
	{
		ranges_[slot].start = range.start;
		ranges_[slot].sectors = range.sectors;
		__atomic_store_n(&ranges_[slot].dev, range.dev, __ATOMIC_RELEASE);
	}
	void clear(uint32_t slot) { __atomic_store_n(&ranges_[slot].dev, nullptr, __ATOMIC_RELEASE); }

private:
	std::array<dmr_member_range, slots> ranges_{};
};

} // namespace dm_remap

#endif
