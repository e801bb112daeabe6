// SPDX-License-Identifier: GPL-2.0
// Spares that a set is to be written to: looked at first, then written in the product's own order, in which one that was cut off is
// nobody's member.
#ifndef DMREMAP_SET_WRITER_HH
#define DMREMAP_SET_WRITER_HH

#include "map_state.hh"
#include "set_reader.hh"

#include <span>

namespace dm_remap::tool {

// Opened to be written, exclusively. `entry`, if it is not null, says how large a range it has to be, and where one begins whose start
// was not given. Throws Failure: it is too small.
Member open_target(const MemberName &name, const dmr_member_entry *entry, const dmr_setup &setup);

// One device, whatever the two are called.
bool same_device(const Member &a, const Member &b);
// Throws Failure would_lose if it lies on sectors of one of the others: what is written to the one would be lost with the other.
void refuse_overlap(const Member &target, std::span<const Member> others);

// Throws Failure would_lose if it holds anything but what a restore or repair has left that was cut off; that, after a question.
void refuse_unless_blank(const Member &target, Answer &answer);
// The same of its metadata area alone.
void refuse_unless_area_blank(const Member &target, const dmr_member_entry &entry, Answer &answer);

// setup: whole, with its layout. targets: by slot, null where no device is. Throws Failure; then nothing can be started from them.
void write_set(const dmr_setup &setup, const std::array<const Member *, DMR_MAX_MEMBERS> &targets, MapState &map, uint64_t generation);

} // namespace dm_remap::tool

#endif
