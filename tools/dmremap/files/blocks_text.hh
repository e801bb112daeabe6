// SPDX-License-Identifier: GPL-2.0
// Blocks as text and as JSON.
#ifndef DMREMAP_FILES_BLOCKS_TEXT_HH
#define DMREMAP_FILES_BLOCKS_TEXT_HH

#include "files/blocks.hh"

namespace dm_remap::tool {

// A line for each file, and for each other thing, with its sectors; then what to do. unreadable: these are all blocks that cannot be read.
void print_blocks(Answer &answer, const std::string &device, const std::vector<Block> &blocks, bool unreadable);
// Keys of the open object: sectors, blocks.
void write_blocks(JsonWriter &out, const std::vector<Block> &blocks);

} // namespace dm_remap::tool

#endif
