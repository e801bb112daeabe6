// SPDX-License-Identifier: GPL-2.0
// The spares that are seen of a set. What makes a set is its superblocks: no device is taken for a member by its size.
#ifndef DMREMAP_SEEN_SET_HH
#define DMREMAP_SEEN_SET_HH

#include "set_reader.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

struct SeenSet {
	std::vector<Member> members; // one at least

	std::string uuid() const { return uuid_text(members.front().setup().set_uuid); }
	// They may have gone separate ways; then whichever comes first.
	const dmr_setup &newest() const;
	bool separate_ways() const;
	// Of the newest setup's, how many there are, and how many of those were seen.
	uint32_t expected() const;
	uint32_t seen() const;
	// Of the member in this slot of the newest setup; null: it was not seen.
	const Member *member(uint32_t slot) const;
	// As the newest superblock has it, and whether its own is as new.
	std::string state_of(const Member &member) const;
};

// With those of its set.
void add_seen(std::vector<SeenSet> &sets, Member member);

} // namespace dm_remap::tool

#endif
