// SPDX-License-Identifier: GPL-2.0
#include "seen_set.hh"

#include <dm_remap/lineage.hh>

#include <algorithm>

namespace dm_remap::tool {

const dmr_setup &SeenSet::newest() const
{
	const Member *found = &members.front();

	for (const Member &member : members)
		if (supersedes(member.setup(), found->setup()))
			found = &member;
	return found->setup();
}

bool SeenSet::separate_ways() const
{
	for (const Member &a : members)
		for (const Member &b : members)
			if (diverged(a.setup(), b.setup()))
				return true;
	return false;
}

uint32_t SeenSet::expected() const
{
	const dmr_setup &setup = newest();

	return static_cast<uint32_t>(std::count_if(std::begin(setup.members), std::end(setup.members), belongs));
}

uint32_t SeenSet::seen() const
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++)
		n += member(slot) != nullptr;
	return n;
}

const Member *SeenSet::member(uint32_t slot) const
{
	const dmr_member_entry &entry = newest().members[slot];

	for (const Member &member : members)
		if (entry.state != DMR_MEMBER_ABSENT && same_uuid(member.own().uuid, entry.uuid))
			return &member;
	return nullptr;
}

std::string SeenSet::state_of(const Member &member) const
{
	const dmr_setup &setup = newest();

	if (member.own().state == DMR_MEMBER_JOINING)
		return "joining";
	for (const dmr_member_entry &entry : setup.members)
		if (entry.state != DMR_MEMBER_ABSENT && same_uuid(entry.uuid, member.own().uuid))
			return entry.state == DMR_MEMBER_ACTIVE && !up_to_date(member.setup(), setup) ? "behind" : state_text(entry.state);
	return "removed";
}

void add_seen(std::vector<SeenSet> &sets, Member member)
{
	const auto set = std::find_if(sets.begin(), sets.end(), [&](const SeenSet &known) {
		return same_uuid(known.members.front().setup().set_uuid, member.setup().set_uuid);
	});

	(set == sets.end() ? sets.emplace_back() : *set).members.push_back(std::move(member));
}

} // namespace dm_remap::tool
