// SPDX-License-Identifier: GPL-2.0
// Main, cut into parts of one size, with what each of them holds: what a picture of it is made of.
#ifndef DMREMAP_MAIN_CELLS_HH
#define DMREMAP_MAIN_CELLS_HH

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dm_remap::tool {

// In sectors of 512 bytes.
struct Cell {
	uint64_t mapped = 0;	// on a spare: it was bad, or was moved by hand
	uint64_t guarded = 0;	// on a spare, and its place on main holds a guard
	uint64_t unreadable = 0;

	bool well() const { return !mapped && !guarded && !unreadable; }
	bool operator==(const Cell &) const = default;
};

class MainCells final {
public:
	// most: so many cells, at most; each is of whole blocks.
	MainCells(uint64_t main_sectors, uint32_t block_bytes, uint64_t most);

	uint64_t main_sectors() const { return main_sectors_; }
	// Of each cell; the last may have fewer.
	uint64_t cell_sectors() const { return cell_sectors_; }
	const std::vector<Cell> &cells() const { return cells_; }

	// A range of main is so. What of it lies beyond the end of main is left out: a table may be shorter than its map.
	void add(uint64_t sector, uint64_t sectors, uint64_t Cell::*what);
	// Of the cells from `from` on, before `end`.
	Cell sum(size_t from, size_t end) const;
	Cell sum() const { return sum(0, cells_.size()); }

private:
	uint64_t main_sectors_, cell_sectors_;
	std::vector<Cell> cells_;
};

} // namespace dm_remap::tool

#endif
