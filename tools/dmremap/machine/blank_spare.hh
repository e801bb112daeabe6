// SPDX-License-Identifier: GPL-2.0
// A device that is to become a spare: what is looked at before anything is written to it.
#ifndef DMREMAP_MACHINE_BLANK_SPARE_HH
#define DMREMAP_MACHINE_BLANK_SPARE_HH

#include "answer.hh"
#include "set_reader.hh"

namespace dm_remap::tool {

// The range of a spare as it is named; where its length is left open, all that blocks of main's size fit into. Throws Failure: it is no
// block device, is used, or holds something ("not-blank"). What a cut-off add-spare has left is as good as nothing.
Member open_blank_spare(const std::string &given, uint32_t block_bytes);
// The same, but what it holds is only named in `lost`, if it is nothing of ours that verifies.
Member open_spare_to_format(const std::string &given, uint32_t block_bytes, std::string &lost);

// What makes trouble later: that main's volatile cache is on, or either begins within a physical block, or the spare is on main's disk.
void warn_of_main(const std::string &main, Answer &answer);
void warn_of_spare(const std::string &main, const Member &spare, Answer &answer);

} // namespace dm_remap::tool

#endif
