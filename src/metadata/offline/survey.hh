// SPDX-License-Identifier: GPL-2.0
// Every unit of a set, one after the other, in all its copies: what a load would make of it, and why. For the tool: no module
// links what is in this folder, and nothing here writes.
//
// A load stops at the first thing that it cannot believe. A survey goes on, so that all damage can be named, and what is still
// good can be had.
#ifndef DMR_METADATA_OFFLINE_SURVEY_HH
#define DMR_METADATA_OFFLINE_SURVEY_HH

#include "metadata/members.hh"

namespace dm_remap::metadata {

// What a unit is there for.
enum class Need : uint8_t {
	newest,		// of the newest checkpoint, or its log
	fallback,	// of the older one: the other way to the newest state
	behind,		// a place in the log where nothing was committed yet: only what is provably older may be there
};

// What one copy turned out to be.
struct Seen {
	UnitState state = UnitState::unreadable;
	Generation generation;		// that it gives itself, if it is whole; of one that is torn, the latest of its stamps
};

struct Finding {
	Kind kind = Kind::log;
	Slot slot = Slot::zero;		// or half
	uint32_t index = 0;		// of the body unit, or the block of the half
	UnitNumber offset;		// within a copy
	Need need = Need::newest;
	Moment expected;
	uint32_t copies = 0;		// that were looked at
	uint32_t good = 0;
	const format::Unit *content = nullptr; // of a good copy; null if there is none. Until the next finding
	Seen seen[DMR_MAX_MEMBERS][2];	// of the members surveyed, by copy
};

// Whatever was found of a slot's checkpoint.
struct SurveyedSlot {
	bool head = false;		// a copy of its head is good
	Generation generation;		// of the head; without one that which the blocks of its half name; 0: neither
	uint64_t entries = 0;		// with a head
	uint64_t written = 0;
	bool crc_wrong = false;		// each body unit is good, and they do not belong together
	uint32_t log_blocks = 0;	// of its half: up to the last one that is good, as far as one copy is whole; then further ones count
};

class Survey final {
public:
	using Sink = void (*)(void *context, const Finding &finding);

	Survey() = default;
	Survey(const Survey &) = delete;
	Survey &operator=(const Survey &) = delete;

	// ranges: setup.member_count of them, dev null for one that is not there. Allocates.
	Error init(const dmr_member_range *ranges, const dmr_setup &setup);
	void destroy() { members_.destroy(); }

	// Who is read: a bit per slot. Heads first, then bodies and log of slot 0, then those of slot 1.
	void run(uint32_t members, Sink sink, void *context);
	// After run().
	const SurveyedSlot &slot(Slot s) const { return slots_[static_cast<uint32_t>(s)]; }
	// The slot whose checkpoint is the newest.
	Slot newest() const { return newest_; }

	// Where a unit lies on the member's device.
	Sectors sector(uint32_t member, Copy copy, UnitNumber offset) const
	{
		return members_.area(member).sector(offset + members_.layout().superblock(copy).value);
	}
	const Layout &layout() const { return members_.layout(); }

private:
	// Units [first, first + n) of a slot's body or half, of one copy of one member or all of them.
	struct Run {
		Kind kind;
		Slot slot;
		uint32_t first;
		Moment moment;		// of the first; log: one generation more for each further block
		const CheckpointHead *head; // body: what a unit has to hold; null: what it says
	};

	SurveyedSlot &found(Slot s) { return slots_[static_cast<uint32_t>(s)]; }
	UnitNumber offset(Kind kind, Slot slot) const;
	void gather(const Run &run, uint32_t n);
	UnitState judge(const Run &run, uint32_t i, const format::Unit &unit, const Place &place, const format::Unit *good) const;
	void gather_head(Slot slot, Finding &finding);
	void measure_log(Slot slot);
	bool measure_clean_log(Slot slot);
	void survey_body(Slot slot, Sink sink, void *context);
	void survey_log(Slot slot, Sink sink, void *context);

	Members members_;
	uint64_t max_extents_ = 0;
	SurveyedSlot slots_[2];
	CheckpointHead heads_[2];
	Slot newest_ = Slot::zero;
	Finding batch_[Members::most_drafts];
};

// One copy of a member's superblock, whatever it says: `where` is its sector on the device. set and member: what it has to be of, or
// null. Good, or why not; setup is valid if it is good.
UnitState read_superblock(const dmr_member_range &range, uint32_t unit_bytes, const Layout &layout, const uint8_t *set,
			  const uint8_t *member, Copy copy, format::Superblock &scratch, dmr_setup &setup, Sectors &where);

} // namespace dm_remap::metadata

#endif
