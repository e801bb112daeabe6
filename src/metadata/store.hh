// SPDX-License-Identifier: GPL-2.0
// The handle behind struct dmr_metadata: one set's superblocks, checkpoints and log.
//
// The life of a generation. The log half that follows the newest checkpoint is filled block by block. When it is full,
// a checkpoint goes into the other slot, and the log goes on in the other half:
//
//	slot 0, generation c --- half 0: c+1 ... d-1 --- slot 1, generation d --- half 1: d+1 ... --- slot 0 again ...
//
// A checkpoint takes a generation of its own, so a block of half 1 that names d says that the blocks of half 0 end with
// d-1, all of them. Hence the older checkpoint and both halves lead to the newest state, and a gap cannot hide.
#ifndef DMR_METADATA_STORE_HH
#define DMR_METADATA_STORE_HH

#include "metadata/members.hh"

namespace dm_remap::metadata {

// Where the log ends.
struct Tail {
	Slot half = Slot::zero;
	uint32_t used = 0;		// blocks of the half
	Generation checkpoint;		// that they name
	Generation generation;		// of the last block, or of the checkpoint if there is none
};

// What a load found missing of the redundancy, to be restored by the next checkpoint.
struct Mend {
	bool checkpoint = false;	// anything at all
	bool head = false;		// a copy of the newest checkpoint's head
	bool chain = false;		// the older checkpoint will lead no further, once the log goes on
	bool superblocks = false;	// a copy of a superblock of a current member
	// In each half, a block behind the log's end of which no copy is whole: nothing is lost with it, but once the log ends
	// before it, it would look like a commit that is.
	static constexpr uint32_t none = ~0u;
	uint32_t lost_block[2] = {none, none};	// the first such one
};

// What a load leaves behind.
struct Loaded {
	Slot slot = Slot::zero;		// of the newest checkpoint that verifies
	CheckpointHead head;
	Tail tail;
	Mend mend;
};

class Store final {
public:
	Store() = default;
	Store(const Store &) = delete;
	Store &operator=(const Store &) = delete;

	// As the functions of dmr_metadata_ops.
	Error init(const dmr_metadata_params &params, Reason reason);
	void destroy();
	Error format(Reason reason);
	// Instead of it, of a setup that names its layout: every active member that is there gets superblocks that say `setup`, of its
	// generation and branch, and this map as of `generation`. EINVAL, ENOSPC, EIO with a reason. Offline alone (offline/restore.cc).
	Error restore(const dmr_record_source &source, Generation generation, Reason reason);
	Error load(dmr_record_sink sink, void *context, dmr_load_report &report, Reason reason);
	Error append(std::span<const dmr_record> records);
	bool wants_checkpoint() const;
	Error checkpoint(const dmr_record_source &source);
	Error update_setup(const dmr_setup &setup);
	Error keep_patrol(const dmr_patrol_record &patrol);
	Error use_features(uint64_t features);
	Error add_member(const dmr_member_range &range, const dmr_member_entry &entry, uint32_t &index, Reason reason);
	Error remove_member(uint32_t index);
	Error forget_member(uint32_t index);
	Generation generation() const { return loaded_.tail.generation; }
	const dmr_setup &setup() const { return setup_; }
	uint32_t healthy() const { return members_.current(); }
	uint32_t take_lost() { return members_.take_lost(); }

private:
	Error lay_out_joining(const dmr_metadata_params &params, Reason reason);
	Error writable() const;
	Error fail(Error error);

	// format.cc: `to` and the like are sets of members, a bit each. Who fails leaves.
	bool write_new_set(uint32_t members, const dmr_record_source *map);
	void write_marks(uint32_t to);
	void wipe_old_superblocks(uint32_t of, bool own_copy_b);
	void write_empty_log(uint32_t to, Copy copy);
	void write_empty_blocks(uint32_t to, Copy copy, UnitNumber first, uint32_t units);
	void write_empty_checkpoints(uint32_t to);
	void write_new_superblocks(uint32_t to);

	// load.cc
	Error read_superblock(uint32_t member, bool &behind, Reason reason);
	Error find_newest(Reason reason);
	Error sort_members(Mend &mend, Reason reason);
	Error refresh_setup(Mend &mend, Reason reason);
	Error refuse_changed(Reason reason);

	// checkpoint.cc
	void restore_log_ends(uint32_t to);
	Error write_checkpoint(const dmr_record_source &source);
	Error write_body(const dmr_record_source &source, uint32_t to, Slot slot, CheckpointHead &head);
	Error compose_body(const dmr_record_source &source, const CheckpointHead &head, uint32_t first, uint32_t units,
			   uint32_t &crc);
	void write_heads(uint32_t to, const CheckpointHead &head, Slot slot);

	// membership.cc
	bool settle();
	Error publish(bool new_branch);
	Error record_drops();
	void write_superblocks(uint32_t to);
	uint32_t joining() const;
	void prepare_joining(uint32_t members);
	Error take_in();
	Error let_go(uint32_t index);
	uint32_t free_slot() const;

	dmr_instance *inst_ = nullptr;
	bool read_only_ = false;
	bool ready_ = false;	// loaded or formatted
	bool failed_ = false;	// for good: what is on the disks is not known any more
	Members members_;
	Loaded loaded_;
	dmr_setup setup_ = {};
	uint32_t prepared_ = 0;	// joining members whose area is formatted
	// Members whose copy A is the only good one of their superblock: copy B is then written first.
	uint32_t b_first_ = 0;
	// Too large for a stack. found_: the newest setup; own_: of the member that is looked at.
	dmr_setup found_ = {}, own_ = {}, candidate_ = {};
	format::Superblock scratch_ = {};
};

} // namespace dm_remap::metadata

#endif
