// SPDX-License-Identifier: GPL-2.0
// Finding the newest state that verifies.
//
// Which evidence counts. A unit is believed if it is whole, in its place, and of exactly the generation and checkpoint
// that are expected there. A log ends at a block of which no copy is believed and at least one is provably older: copy
// B is written only after copy A is durable, so such a block was never acknowledged. Where all copies are lost, or
// anything later is found behind the end, something acknowledged is lost: the load is refused.
#ifndef DMR_METADATA_LOADER_HH
#define DMR_METADATA_LOADER_HH

#include "metadata/store.hh"

namespace dm_remap::metadata {

class Loader final {
public:
	Loader(Members &members, const dmr_setup &setup, dmr_record_sink sink, void *context, Reason reason)
		: members_(members), setup_(setup), sink_(sink), context_(context), reason_(reason) {}
	Loader(const Loader &) = delete;
	Loader &operator=(const Loader &) = delete;

	Error run(Loaded &out, dmr_load_report &report);

private:
	// What all copies of one unit, on all members, turned out to be.
	struct Vote {
		uint8_t good = 0, older = 0, lost = 0; // copies
		bool torn = false;			// one of the older ones is unfinished
		UnitState why = UnitState::good;	// of one that is lost
		uint64_t newest = 0;			// generation of any whole one, good, older or later

		bool all_lost() const { return !good && !older; }
	};

	// What the heads of one slot say.
	struct SlotView {
		Vote vote;		// older: whole, and not the newest of this slot
		CheckpointHead head;	// the newest; generation 0 if no copy is whole
		UnitState body = UnitState::good; // of a body unit of which no copy is good
	};

	// The units at `offset` of every copy. Unit i is expected to be of moment + i * step.
	struct Wanted {
		Kind kind;
		UnitNumber offset;	// in copy A
		Moment moment;
		uint64_t step = 0;	// log: 1, body: 0
		const CheckpointHead *head = nullptr; // body: what it belongs to
		uint32_t first = 0;	// body: number of the first unit
		bool every_copy = true;	// do not stop when one good copy of each is there
	};

	// What is known of the checkpoint that a log half follows.
	enum class HalfRole : uint8_t {
		chosen,		// it is the one that was handed over
		lost,		// it does not verify, if it was ever written
		never,		// it was never finished, so nothing can follow it
	};

	// How far one log half led.
	struct HalfEnd {
		uint32_t used = 0;
		Generation generation;
	};

	uint32_t streams() const; // copies of each unit, on all members
	void gather(const Wanted &wanted, uint32_t n);
	UnitState judge(const Wanted &wanted, uint32_t i, const format::Unit &unit, const Place &place) const;
	bool complete(uint32_t n) const;

	void read_slot(Slot slot);
	Error choose(Slot &chosen);
	bool verify_body(Slot slot, const CheckpointHead &head);
	Error hand_over_body(Slot slot, const CheckpointHead &head);
	Error hand_over(const format::Unit &unit, uint64_t &counter);

	// Hand over the blocks of a half that name this checkpoint.
	Error replay(Slot half, HalfRole role, Generation checkpoint, HalfEnd &end);

	Error refuse_no_checkpoint();
	Error refuse_lost_block(Slot half, uint32_t block, Generation lost, UnitState why);
	Error refuse_gap(Slot half, uint32_t block, Generation lost, Generation found);
	Error refuse_lost_checkpoint(Slot slot, Generation lost, Generation found);
	// Where the first current member has copy A of this unit, for a reason.
	struct Where {
		char spare[sizeof(dmr_device_info::name)];
		uint64_t sector;
	};
	Where where(UnitNumber unit) const;

	SlotView &view(Slot slot) { return views_[static_cast<uint32_t>(slot)]; }
	const SlotView &view(Slot slot) const { return views_[static_cast<uint32_t>(slot)]; }

	Members &members_;
	const dmr_setup &setup_;
	dmr_record_sink sink_;
	void *context_;
	Reason reason_;
	Mend mend_;
	uint64_t records_ = 0, entries_ = 0;
	SlotView views_[2];
	Vote votes_[Members::most_drafts];
};

} // namespace dm_remap::metadata

#endif
