// SPDX-License-Identifier: GPL-2.0
// Structures in memory from and to their bytes on disk. Nothing that comes from disk leaves here unchecked.
#ifndef DMR_METADATA_CODEC_HH
#define DMR_METADATA_CODEC_HH

#include "metadata/unit.hh"

namespace dm_remap::metadata {

// What records of a set may say: built once from a setup that is believed.
class RecordLimits final {
public:
	constexpr RecordLimits() = default;
	explicit RecordLimits(const dmr_setup &setup);

	// Of a known kind, within main, within the data area of the member, unused fields zero.
	bool allow(const dmr_record &record) const;
	// The same for a checkpoint, which states what is, and so never clears.
	bool allow_in_checkpoint(const dmr_record &record) const
	{
		return record.kind != DMR_RECORD_CLEAR && allow(record);
	}
	// A bad block of a member that was removed is nobody's any more.
	bool forgotten(const dmr_record &record) const
	{
		return record.kind == DMR_RECORD_BAD_SPARE && !(known_ & 1u << record.member);
	}

private:
	bool within_main(const dmr_record &record) const;
	bool within_spare(const dmr_record &record) const;

	uint64_t main_blocks_ = 0;
	uint32_t members_ = 0;
	uint32_t known_ = 0;	// bit per member whose data area is known
	bool lost_ = false;	// the set uses DMR_FEATURE_LOST
	bool guard_ = false;	// and DMR_FEATURE_GUARD
	struct {
		uint64_t first = 0, end = 0;
	} spare_[DMR_MAX_MEMBERS];
};

void encode(const dmr_record &record, format::Record &out);
dmr_record decode(const format::Record &record);

inline Layout layout_of(const dmr_setup &setup)
{
	return {setup.copy_units, setup.checkpoint_units, setup.log_half_units};
}

// What update_setup() changes is as a superblock can have it: main's size in whole blocks, texts terminated.
bool options_possible(const dmr_setup &setup);

// setup.own_index is ignored. A joining member is named by its own superblock alone. The unit's payload and length; seal() does the rest.
void encode_superblock(const dmr_setup &setup, uint32_t own_index, format::Superblock &scratch, format::Unit &unit);

enum class SuperblockState : uint8_t { good, unsupported, impossible };
// Of a unit that inspect() found good. Overwrites out and scratch in any case.
SuperblockState decode_superblock(const format::Unit &unit, format::Superblock &scratch, dmr_setup &out);

// A log unit that inspect() found good: its counts are possible and all its records allowed.
bool log_possible(const format::Unit &unit, const RecordLimits &limits);
// A body unit that holds the `count` records a head promises for it.
bool body_possible(const format::Unit &unit, const RecordLimits &limits, uint32_t count);

// A checkpoint's head in host order.
struct CheckpointHead {
	Generation generation;
	uint64_t entries = 0;
	uint32_t body_units = 0;
	uint32_t body_crc = 0;
	uint64_t written = 0;

	// Records in body unit i.
	constexpr uint32_t records_in(uint32_t i) const
	{
		uint64_t before = uint64_t{i} * format::records_per_unit;
		uint64_t left = entries > before ? entries - before : 0;

		return left < format::records_per_unit ? static_cast<uint32_t>(left) : format::records_per_unit;
	}
};

void encode_head(const CheckpointHead &head, Slot slot, const uint8_t *branch, format::Unit &unit);
// Of a unit that inspect() found good; false if what it says cannot be.
bool decode_head(const format::Unit &unit, Slot slot, uint64_t max_extents, CheckpointHead &out);

} // namespace dm_remap::metadata

#endif
