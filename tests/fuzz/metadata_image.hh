// SPDX-License-Identifier: GPL-2.0
// An input of fuzz_metadata: a table line, and what lies on the spares.
//
// Eight bytes: see Table. Then entries, each a unit: spare (bit 7: sealed), unit number, length (2 bytes, little-endian), so
// many bytes. Raw ones are laid down as they are. Sealed ones are joined content: stamps, magic, version and checksum are
// made from the rest, which is how most inputs get past the checksums. What is not given is zero.
#ifndef DM_REMAP_TESTS_FUZZ_METADATA_IMAGE_HH
#define DM_REMAP_TESTS_FUZZ_METADATA_IMAGE_HH

#include "host/target.hh"
#include "metadata/unit.hh"

#include <span>
#include <vector>

namespace dm_remap::fuzz {

using Bytes = std::vector<uint8_t>;

inline constexpr uint32_t max_spares = 3;
inline constexpr uint64_t main_sectors = 2048;
// Small, so that a load takes little: areas of 32 units.
inline constexpr uint64_t spare_sectors = 1024;
inline constexpr uint32_t unit_places = spare_sectors / format::sectors_per_unit;

// Of an input's first eight bytes any value means something.
struct Table {
	static constexpr size_t bytes = 8;
	enum Flag : uint8_t {
		degraded = 1, force = 2, read_only = 4, format = 8, blocks_of_4096 = 16, new_main = 32,
		half = 64,	// the table ends in the middle of main
	};

	uint8_t spares = 0;	// how many disks there are, less 1
	uint8_t flags = 0;
	uint8_t missing = 0;	// bit per spare: "-" in the table
	uint8_t rotate = 0;	// the table names them beginning with this one
	uint8_t writes = 0;	// so many blocks that main refuses are written
	uint8_t where = 0;	// the first of them
	uint8_t max_extents = 0; // 0: not given
	uint8_t unused = 0;

	uint32_t spare_count() const { return spares % max_spares + 1; }
	bool has(Flag flag) const { return flags & flag; }
	uint32_t block_sectors() const { return has(blocks_of_4096) ? 8 : 1; }
	uint64_t sectors() const { return has(half) ? main_sectors / 2 : main_sectors; }
};
static_assert(sizeof(Table) == Table::bytes);

struct Entry {
	uint8_t spare = 0;
	uint8_t unit = 0;
	bool sealed = false;
	Bytes content; // of a sealed one joined, otherwise the unit's bytes; zeroes at the end are left out

	// As it lies on the disk.
	format::Unit laid_out() const;
	// The entry from which this unit would come, sealed if it can be.
	static Entry of(uint8_t spare, uint8_t unit, const format::Unit &found);

	// An unsigned integer of the content, zero where it was left out.
	uint64_t get(size_t at, size_t size) const;
	void put(size_t at, size_t size, uint64_t value);
};

// A World with the disks of an input.
struct Machine final {
	// seed: which UUIDs are drawn.
	Machine(const Table &table, uint64_t seed);

	// The spares as the table names them.
	host::TableOptions line(const Table &table);

	host::World world;
	host::SimDisk main;
	host::SimDisk spares[max_spares];
	host::MappedDevice device{"fuzz"};
};

struct Image {
	Table table;
	std::vector<Entry> entries;

	static Image parse(std::span<const uint8_t> input);
	Bytes serialize() const;

	void lay_onto(Machine &machine) const;
	// Every unit of the machine's spares that is not zero.
	void take_from(Machine &machine);
};

} // namespace dm_remap::fuzz

#endif
