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
	bool superblocks = false;	// a copy of a superblock
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
	Error load(dmr_record_sink sink, void *context, dmr_load_report &report, Reason reason);
	Error append(std::span<const dmr_record> records);
	bool wants_checkpoint() const;
	Error checkpoint(const dmr_record_source &source);
	Error update_setup(const dmr_setup &setup);
	Generation generation() const { return loaded_.tail.generation; }
	const dmr_setup &setup() const { return setup_; }

private:
	Error write_marks();
	Error wipe_old_superblocks();
	Error write_empty_log();
	Error write_empty_checkpoints();

	Error refresh_setup(Mend &mend, Reason reason);
	Error reread_superblocks(uint32_t member, Generation &newest, bool &behind, Reason reason);

	Error writable() const;
	Error fail(Error error);
	Error write_superblocks(Copy copy);
	Error write_checkpoint(const dmr_record_source &source);
	Error write_body(const dmr_record_source &source, Slot slot, CheckpointHead &head);
	Error compose_body(const dmr_record_source &source, const CheckpointHead &head, uint32_t first, uint32_t units,
			   uint32_t &crc);
	Error write_heads(const CheckpointHead &head, Slot slot);

	dmr_instance *inst_ = nullptr;
	bool read_only_ = false;
	bool ready_ = false;	// loaded or formatted
	bool failed_ = false;	// for good: what is on the disks is not known any more
	Members members_;
	Loaded loaded_;
	dmr_setup setup_ = {};
	// Too large for a stack.
	dmr_setup found_ = {}, candidate_ = {};
	format::Superblock scratch_ = {};
};

} // namespace dm_remap::metadata

#endif
