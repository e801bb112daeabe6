// SPDX-License-Identifier: GPL-2.0
#include "main_cells.hh"

#include <algorithm>
#include <dm_remap/metadata.h>

namespace dm_remap::tool {

namespace {

uint64_t sectors_of_cell(uint64_t main_sectors, uint32_t block_bytes, uint64_t most)
{
	const uint64_t block = block_bytes / DMR_SECTOR_SIZE, blocks = main_sectors / block;
	const uint64_t wanted = std::clamp<uint64_t>(blocks, 1, most);

	return std::max<uint64_t>((blocks + wanted - 1) / wanted, 1) * block;
}

} // namespace

MainCells::MainCells(uint64_t main_sectors, uint32_t block_bytes, uint64_t most)
	: main_sectors_(main_sectors), cell_sectors_(sectors_of_cell(main_sectors, block_bytes, most)),
	  cells_((main_sectors + cell_sectors_ - 1) / cell_sectors_)
{
}

void MainCells::add(uint64_t sector, uint64_t sectors, uint64_t Cell::*what)
{
	for (uint64_t at = sector, end = std::min(sector + sectors, main_sectors_); at < end;) {
		const uint64_t number = at / cell_sectors_, part_end = std::min(end, (number + 1) * cell_sectors_);

		cells_[number].*what += part_end - at;
		at = part_end;
	}
}

Cell MainCells::sum(size_t from, size_t end) const
{
	Cell out;

	for (size_t i = from; i < end; i++) {
		out.mapped += cells_[i].mapped;
		out.guarded += cells_[i].guarded;
		out.unreadable += cells_[i].unreadable;
	}
	return out;
}

} // namespace dm_remap::tool
