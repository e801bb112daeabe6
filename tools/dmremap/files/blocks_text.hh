// SPDX-License-Identifier: GPL-2.0
// Blocks as text and as JSON.
#ifndef DMREMAP_FILES_BLOCKS_TEXT_HH
#define DMREMAP_FILES_BLOCKS_TEXT_HH

#include "files/blocks.hh"

namespace dm_remap::tool {

// All blocks of a file, or of another thing, together. In the order of importance.
struct BlockLine {
	const char *kind;		// file, free, metadata, swap, unknown
	std::string subject, sectors;	// "/data/a, on /dev/vg/lv"; "100+8, 300"
};
std::vector<BlockLine> block_lines(const std::vector<Block> &blocks);
// What to do: sentences.
std::vector<std::string> block_advice(const std::vector<Block> &blocks);
// What several files have counts once.
uint64_t sectors_in(const std::vector<Block> &blocks);

// A line for each file, and for each other thing, with its sectors; then what to do. unreadable: these are all blocks that cannot be read.
void print_blocks(Answer &answer, const std::string &device, const std::vector<Block> &blocks, bool unreadable);
// Keys of the open object: sectors, blocks.
void write_blocks(JsonWriter &out, const std::vector<Block> &blocks);

} // namespace dm_remap::tool

#endif
