// SPDX-License-Identifier: GPL-2.0
//
// What is on the disk: the bytes of every metadata unit. docs/on-disk-format.md is the specification; this header is
// its translation, and the asserts below keep the two from drifting apart.
//
// A unit is 4096 bytes: eight 512-byte sectors, each of 504 bytes of content and an 8-byte stamp, the generation of the
// write. A sector is what a disk writes atomically, so a unit of mixed stamps is one that a power cut tore. The content
// of the eight sectors, joined, begins with the header. Everything is little-endian.
#ifndef DM_REMAP_FORMAT_HH
#define DM_REMAP_FORMAT_HH

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "metadata.h"
#include "record.h"

namespace dm_remap::format {

// An unsigned integer as it lies on the disk: least significant byte first, no alignment.
template <typename T>
class Little final {
	static_assert(std::is_unsigned_v<T>);

public:
	operator T() const
	{
		T value;

		__builtin_memcpy(&value, bytes_, sizeof(T));
		return swapped(value);
	}
	Little &operator=(T value)
	{
		value = swapped(value);
		__builtin_memcpy(bytes_, &value, sizeof(T));
		return *this;
	}

private:
	// From the processor's order to that of the disk, and back.
	static T swapped(T value)
	{
		if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			return value;
		T out = 0;

		for (size_t i = 0; i < sizeof(T); ++i)
			out = static_cast<T>(out | static_cast<T>(static_cast<uint8_t>(value >> (8 * i))) << (8 * (sizeof(T) - 1 - i)));
		return out;
	}

	uint8_t bytes_[sizeof(T)];
};

using Le16 = Little<uint16_t>;
using Le32 = Little<uint32_t>;
using Le64 = Little<uint64_t>;

inline constexpr uint8_t magic[8] = {'d', 'm', '-', 'r', 'e', 'm', 'a', 'p'};
inline constexpr uint16_t version = 1;

enum class Kind : uint16_t {
	formatting = 1,		// marks an area whose formatting is not finished
	superblock = 2,
	checkpoint_head = 3,
	checkpoint_body = 4,
	log = 5,
};

enum class Copy : uint32_t { a = 0, b = 1 };
inline constexpr Copy copies[] = {Copy::a, Copy::b};

inline constexpr uint32_t sector_bytes = DMR_SECTOR_SIZE;
inline constexpr uint32_t unit_content_bytes = 4096;	// of a unit; the stride of units may be larger
inline constexpr uint32_t max_unit_bytes = 65536;	// the largest stride
inline constexpr uint32_t sectors_per_unit = unit_content_bytes / sector_bytes;
inline constexpr uint32_t sector_content_bytes = sector_bytes - 8;

struct Header {
	uint8_t magic[8];
	Le16 version;
	Le16 kind;
	Le32 crc;		// CRC-32C of the unit's 4096 bytes, this field taken as 0; of kind formatting: of its first 512
	uint8_t set[DMR_UUID_SIZE];
	uint8_t member[DMR_UUID_SIZE];
	Le64 unit;		// number of this unit in the area: a unit that lies elsewhere is misplaced
	Le64 generation;	// superblock: of the setup; checkpoint: its own; log: of the commit, 0 for one never used
	Le64 checkpoint;	// log: the checkpoint it follows; checkpoint: its own; otherwise 0
	Le32 copy;
	Le32 count;		// log, checkpoint body: records in this unit
	Le32 length;		// bytes of payload that follow the header in the joined content
	uint8_t reserved[12];
};
static_assert(sizeof(Header) == 96 && alignof(Header) == 1);
static_assert(offsetof(Header, kind) == 10 && offsetof(Header, crc) == 12 && offsetof(Header, set) == 16);
static_assert(offsetof(Header, member) == 32 && offsetof(Header, unit) == 48 && offsetof(Header, generation) == 56);
static_assert(offsetof(Header, checkpoint) == 64 && offsetof(Header, copy) == 72 && offsetof(Header, count) == 76);
static_assert(offsetof(Header, length) == 80 && offsetof(Header, reserved) == 84);

struct Sector {
	uint8_t content[sector_content_bytes];
	Le64 stamp;		// equals the header's generation
};
static_assert(sizeof(Sector) == sector_bytes && offsetof(Sector, stamp) == 504);

struct Unit {
	Sector sectors[sectors_per_unit];
};
static_assert(sizeof(Unit) == unit_content_bytes && alignof(Unit) == 1);

inline constexpr uint32_t max_payload_bytes = sectors_per_unit * sector_content_bytes - sizeof(Header);

// A fact about the map: struct dmr_record on disk.
struct Record {
	Le64 main_block;
	Le64 spare_block;
	Le32 length;
	uint8_t kind;
	uint8_t member;
	Le16 flags;		// DMR_RECORD_GUARDED
};
static_assert(sizeof(Record) == 24 && alignof(Record) == 1);
static_assert(offsetof(Record, spare_block) == 8 && offsetof(Record, length) == 16 && offsetof(Record, kind) == 20);
static_assert(offsetof(Record, member) == 21 && offsetof(Record, flags) == 22);

// Records never straddle a stamp: the header leaves room for 17 in the first sector, the others hold 21.
inline constexpr uint32_t records_in_first_sector = (sector_content_bytes - sizeof(Header)) / sizeof(Record);
inline constexpr uint32_t records_in_sector = sector_content_bytes / sizeof(Record);
static_assert(sizeof(Header) + records_in_first_sector * sizeof(Record) == sector_content_bytes);
static_assert(records_in_sector * sizeof(Record) == sector_content_bytes);
inline constexpr uint32_t records_per_unit =
	records_in_first_sector + (sectors_per_unit - 1) * records_in_sector;
static_assert(records_per_unit == 164);

struct CheckpointHead {
	Le64 entries;		// records in all body units; all but the last unit are full
	Le32 body_units;
	Le32 body_crc;		// CRC-32C of all records in order, 24 bytes each
	Le32 slot;		// 0 or 1: where it is, and the log half that follows it
	Le32 reserved;
	Le64 written;		// wall seconds
	uint8_t branch[DMR_UUID_SIZE];
};
static_assert(sizeof(CheckpointHead) == 48 && sizeof(CheckpointHead) + sizeof(Header) <= sector_content_bytes);
static_assert(offsetof(CheckpointHead, body_crc) == 12 && offsetof(CheckpointHead, slot) == 16);
static_assert(offsetof(CheckpointHead, written) == 24 && offsetof(CheckpointHead, branch) == 32);

// Payload of kind formatting: where the second superblock will be, to know a torn one.
struct Formatting {
	Le32 unit_bytes;
	Le32 copy_units;
};
static_assert(sizeof(Formatting) == 8);

// What formatting writes: the checkpoints in slot 0 and slot 1, both empty; the log in half 1 goes on from there.
inline constexpr uint64_t first_generation[] = {1, 2};
inline constexpr uint64_t first_setup_generation = 1;

struct Member {
	uint8_t uuid[DMR_UUID_SIZE];
	Le64 sectors;		// of its range
	Le64 data_start;	// sectors from the start of its range to the first spare block
	Le32 state;		// enum dmr_member_state
	Le32 unit_bytes;	// stride of the units in its area
	char identity[DMR_IDENTITY_SIZE];
};
static_assert(sizeof(Member) == 136 && offsetof(Member, state) == 32 && offsetof(Member, identity) == 40);

struct Superblock {
	Le64 incompatible;	// features a reader must know, DMR_FEATURE_*
	uint8_t branch[DMR_UUID_SIZE];
	Le64 created;		// wall seconds
	Le64 max_extents;
	Le32 copy_units;	// units of one copy of the area: copy B begins there
	Le32 checkpoint_units;	// of one slot, head included
	Le32 log_half_units;
	Le32 member_count;
	Le32 own_index;		// the member that holds this superblock
	Le32 read_retries;
	Le64 main_sectors;
	Le32 main_block_bytes;
	Le32 reserved;
	char main_identity[DMR_IDENTITY_SIZE];
	char name[DMR_NAME_SIZE];
	Member members[DMR_MAX_MEMBERS]; // all zero: a free slot
	Le32 ancestor_count;
	Le32 reserved_too;
	uint8_t ancestors[DMR_MAX_ANCESTORS][DMR_UUID_SIZE]; // the branches that led to this one, newest first
	// Behind superblock_length: all zero where they are not known.
	char main_disk[DMR_IDENTITY_SIZE];
	char main_id[DMR_IDENTITY_SIZE];
	Le64 patrol_at;		// as struct dmr_patrol_record has them
	Le64 patrol_begun;
	Le64 patrol_ended;
	Le32 patrol_rate;
	Le32 patrol_state;	// enum dmr_patrol_state
	uint8_t main_uuid[DMR_UUID_SIZE]; // in main's guard blocks; with DMR_FEATURE_GUARD
};
static_assert(sizeof(Superblock) == 3240 && sizeof(Superblock) <= max_payload_bytes);
static_assert(offsetof(Superblock, branch) == 8 && offsetof(Superblock, max_extents) == 32);
static_assert(offsetof(Superblock, copy_units) == 40 && offsetof(Superblock, own_index) == 56);
static_assert(offsetof(Superblock, main_sectors) == 64 && offsetof(Superblock, main_identity) == 80);
static_assert(offsetof(Superblock, name) == 176 && offsetof(Superblock, members) == 304);
static_assert(offsetof(Superblock, ancestor_count) == 2480 && offsetof(Superblock, ancestors) == 2488);
static_assert(offsetof(Superblock, main_disk) == 3000 && offsetof(Superblock, main_id) == 3096);
static_assert(offsetof(Superblock, patrol_at) == 3192 && offsetof(Superblock, patrol_state) == 3220);
static_assert(offsetof(Superblock, main_uuid) == 3224);
// What the header of every superblock says, whatever lies behind: a reader that knows no more takes it, and lets the rest be.
inline constexpr uint32_t superblock_length = offsetof(Superblock, main_disk);

// Limits that a reader checks; within them no sum of positions overflows.
inline constexpr uint64_t max_sectors = uint64_t{1} << 54;	// of a disk: 2^63 bytes
inline constexpr uint64_t max_generation = uint64_t{1} << 62;
// A set beyond this is not started, so that what is written from then on stays below max_generation.
inline constexpr uint64_t max_start_generation = max_generation / 2;
inline constexpr uint64_t max_extents_limit = uint64_t{1} << 24;
inline constexpr uint32_t min_copy_units = 12;
inline constexpr uint32_t max_copy_units = 1u << 20;
inline constexpr uint32_t min_log_half_units = 2;

} // namespace dm_remap::format

#endif
