// SPDX-License-Identifier: GPL-2.0
// The cells of a picture of main.
#include "main_cells.hh"

#include <gtest/gtest.h>

namespace dm_remap::tool {
namespace {

TEST(MainCells, AreOfWholeBlocksAndNoMoreThanAsked)
{
	const MainCells small(80, 4096, 1000); // ten blocks

	EXPECT_EQ(small.cell_sectors(), 8u);
	EXPECT_EQ(small.cells().size(), 10u);
	const MainCells large(8 * 1001, 4096, 1000); // one too many for one each

	EXPECT_EQ(large.cell_sectors(), 16u);
	EXPECT_EQ(large.cells().size(), 501u);
}

TEST(MainCells, ARangeIsCutWhereCellsEnd)
{
	MainCells cells(100, 512, 10);

	cells.add(5, 20, &Cell::mapped);
	cells.add(8, 1, &Cell::unreadable);
	EXPECT_EQ(cells.cells()[0], (Cell{.mapped = 5, .unreadable = 1}));
	EXPECT_EQ(cells.cells()[1], (Cell{.mapped = 10}));
	EXPECT_EQ(cells.cells()[2], (Cell{.mapped = 5}));
	EXPECT_TRUE(cells.cells()[3].well());
	EXPECT_EQ(cells.sum(0, 2), (Cell{.mapped = 15, .unreadable = 1}));
	EXPECT_EQ(cells.sum(), (Cell{.mapped = 20, .unreadable = 1}));
}

TEST(MainCells, WhatLiesBeyondTheEndIsLeftOut)
{
	MainCells cells(95, 512, 10);

	cells.add(90, 100, &Cell::guarded);
	cells.add(95, 5, &Cell::mapped);
	EXPECT_EQ(cells.cells().size(), 10u);
	EXPECT_EQ(cells.cells()[9], (Cell{.guarded = 5}));
}

} // namespace
} // namespace dm_remap::tool
