// SPDX-License-Identifier: GPL-2.0
// Lists of bad blocks that other programs have written. Each reader takes the whole text and believes none of it: what it does not
// understand is a Failure "list", which names the line, or the place in a JSON document.
#ifndef DMREMAP_LISTS_BLOCK_LIST_HH
#define DMREMAP_LISTS_BLOCK_LIST_HH

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

// Consecutive blocks. Their end is less than 2^63.
struct ListedRun {
	uint64_t first = 0, count = 0;
	// The line that names it, the first one if each of its blocks has one; or which of the list's places.
	uint32_t where = 0;
	// Of an NVMe drive; 0: it is not said.
	uint32_t name_space = 0;
	// What its number is kept in: of a disk with more blocks than that, it may lack its upper part.
	uint8_t bits = 64;

	bool operator==(const ListedRun &) const = default;
};

// Can a block of a list have so many bytes?
constexpr bool is_unit(uint64_t bytes)
{
	return bytes >= 512 && bytes % 512 == 0 && bytes <= uint64_t{1} << 30;
}

struct BlockList {
	std::vector<ListedRun> runs;	// as they stand there
	// Bytes of a block, if the list says it.
	std::optional<uint64_t> unit;
	// A line names one block: those of a run are on lines that follow each other.
	bool block_a_line = false;
	// Of a JSON document: the paths of its runs.
	std::vector<std::string> places;

	// Throws Failure: there are more than any map of remapped blocks can hold.
	void add(const ListedRun &run);
	// "line 7", of a block of the run.
	std::string place(const ListedRun &run, uint64_t block) const;
};

// What a line of `badblocks -o` names: a block number.
BlockList read_badblocks(std::string_view text);

// Which areas of a mapfile count as bad.
enum class Mapped : uint8_t {
	failed,		// all that did not come: bad sectors, and what was not trimmed or scraped after a large read failed
	bad_sectors,	// only what was narrowed down to sectors
};
// A mapfile of ddrescue. Its blocks are bytes, and its unit is 1.
BlockList read_ddrescue(std::string_view text, Mapped which);

// What smartctl printed, as text or as JSON: self-test logs, error logs, the log of pending defects.
BlockList read_smart(std::string_view text);

} // namespace dm_remap::tool

#endif
