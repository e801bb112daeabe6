// SPDX-License-Identifier: GPL-2.0
// Where on a device a member is, when nobody says where its range begins. For the tool: no module links this.
#ifndef DMR_METADATA_OFFLINE_LOCATE_HH
#define DMR_METADATA_OFFLINE_LOCATE_HH

#include "metadata/codec.hh"

namespace dm_remap::metadata {

// No superblock says where its range begins, and it follows all the same: the area ends where the spare blocks begin, less the
// rounding to a block.
//
// The start of the range whose superblock, of this copy, lies at `place`; false if it cannot be one.
bool range_start(const dmr_setup &setup, Copy copy, Sectors place, Sectors &start);

// The first member whose superblock verifies: with a range from the start of the device on, copy A or B wherever it can be; or with
// one from anywhere in the first 16 MiB on.
bool locate(dmr_device *dev, dmr_member_range &out);
// The same with a range from the start of the device on alone, in some forty small reads at most.
bool locate_at_start(dmr_device *dev, dmr_member_range &out);

// The least start of a range in which spare blocks begin where this entry of the setup has them.
uint64_t start_of(const dmr_member_entry &entry, const dmr_setup &setup);

// Both superblocks of a member are lost: is this device the one that `setup` has in this slot, going by the heads of its checkpoints?
// start: where its range begins, or null. out.dev is set; the range is filled in.
bool known_by_heads(const dmr_setup &setup, uint32_t slot, const uint64_t *start, dmr_member_range &out);

// The mark of a formatting, or a restore, that did not come to its end.
bool formatting_begun(const dmr_member_range &range);

} // namespace dm_remap::metadata

#endif
