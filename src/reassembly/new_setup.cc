// SPDX-License-Identifier: GPL-2.0
#include "reassembly/new_setup.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::reassembly {

namespace {

template <size_t size>
void copy_text(char (&to)[size], const char *from)
{
	size_t n = 0;

	for (; n < size - 1 && from[n]; n++)
		to[n] = from[n];
	to[n] = '\0';
}

} // namespace

void make_entry(const dmr_assembly_member &member, dmr_member_state state, dmr_member_entry &entry)
{
	__builtin_memset(&entry, 0, sizeof(entry));
	random_uuid(entry.uuid);
	entry.sectors = member.range->sectors;
	entry.state = state;
	copy_text(entry.identity, member.info.identity);
}

void make_setup(const dmr_assembly_request &request, dmr_setup &setup)
{
	__builtin_memset(&setup, 0, sizeof(setup));
	random_uuid(setup.set_uuid);
	random_uuid(setup.branch);
	setup.created = dmr_wall_seconds();
	setup.max_extents = request.max_extents;
	setup.main = *request.main;
	copy_text(setup.name, request.name);
	setup.member_count = request.member_count;
	for (uint32_t i = 0; i < request.member_count; i++)
		make_entry(request.members[i], DMR_MEMBER_ACTIVE, setup.members[i]);
}

} // namespace dm_remap::reassembly
