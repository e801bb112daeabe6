// SPDX-License-Identifier: GPL-2.0
#include "reassembly/set_check.hh"

#include "reassembly/member_check.hh"

namespace dm_remap::reassembly {

namespace {

bool same_uuid(const uint8_t (&a)[DMR_UUID_SIZE], const uint8_t (&b)[DMR_UUID_SIZE])
{
	return !__builtin_memcmp(a, b, DMR_UUID_SIZE);
}

// The first 8 digits of a UUID tell sets apart for a person.
unsigned int brief(const uint8_t (&uuid)[DMR_UUID_SIZE])
{
	return uint32_t(uuid[0]) << 24 | uint32_t(uuid[1]) << 16 | uint32_t(uuid[2]) << 8 | uuid[3];
}

// The same member twice: a disk and its copy, and nobody knows which of them is the newer.
Error refuse_copies(std::span<const dmr_assembly_member> members, Refusal &refusal)
{
	for (size_t i = 0; i < members.size(); i++)
		for (size_t j = 0; j < i; j++)
			if (same_uuid(own_entry(members[i]).uuid, own_entry(members[j]).uuid))
				return DMR_REFUSE(refusal,
						  "spares %s and %s carry the same member UUID %08x..., one is a copy "
						  "of the other: name only the one that was in use last",
						  members[j].info.name, members[i].info.name,
						  brief(own_entry(members[i]).uuid));
	return Error::none();
}

// Members of one set say the same of it; the generation tells who knows most.
Result<const dmr_assembly_member *> newest_of_one_set(std::span<const dmr_assembly_member> members, Refusal &refusal)
{
	const dmr_assembly_member *newest = &members[0];

	for (const dmr_assembly_member &member : members.subspan(1)) {
		const dmr_setup &setup = member.probe->setup, &known = newest->probe->setup;

		if (!same_uuid(setup.set_uuid, known.set_uuid))
			return DMR_REFUSE(refusal,
					  "spares %s and %s belong to different sets (%08x... of '%.32s', %08x... of "
					  "'%.32s'): name the spares of one set",
					  newest->info.name, member.info.name, brief(known.set_uuid), known.name,
					  brief(setup.set_uuid), setup.name);
		if (!same_uuid(setup.branch, known.branch))
			return DMR_REFUSE(refusal,
					  "spares %s and %s of set %08x... went separate ways (branches %08x... and "
					  "%08x...), each was started without the other: use the spares of one branch",
					  newest->info.name, member.info.name, brief(known.set_uuid),
					  brief(known.branch), brief(setup.branch));
		if (setup.generation > known.generation)
			newest = &member;
	}
	return newest;
}

Error refuse_unless_whole(std::span<const dmr_assembly_member> members, const dmr_assembly_member &newest,
			  Refusal &refusal)
{
	const dmr_setup &setup = newest.probe->setup;

	if (setup.member_count != members.size())
		return DMR_REFUSE(refusal,
				  "spare %s belongs to set %08x... of '%.32s', which has %u members, the table names "
				  "%u: name all of them",
				  newest.info.name, brief(setup.set_uuid), setup.name, setup.member_count,
				  static_cast<unsigned int>(members.size()));
	for (uint32_t i = 0; i < setup.member_count; i++) {
		const dmr_assembly_member &member = members[i];

		if (!same_uuid(own_entry(member).uuid, setup.members[i].uuid))
			return DMR_REFUSE(refusal,
					  "spare %s is member %u of set %08x..., the table names it as number %u: name "
					  "the spares in the order in which they were added",
					  member.info.name, member.probe->setup.own_index, brief(setup.set_uuid), i);
		if (setup.members[i].state != DMR_MEMBER_ACTIVE)
			return DMR_REFUSE(refusal,
					  "spare %s was dropped from set %08x... after an error and is out of date: "
					  "the set cannot be started with it",
					  member.info.name, brief(setup.set_uuid));
	}
	return Error::none();
}

} // namespace

Result<const dmr_setup *> check_set(std::span<const dmr_assembly_member> members, Refusal &refusal)
{
	if (Error error = refuse_copies(members, refusal))
		return error;
	const Result<const dmr_assembly_member *> newest = newest_of_one_set(members, refusal);
	if (!newest.ok())
		return newest.error();
	if (Error error = refuse_unless_whole(members, **newest, refusal))
		return error;
	return &(*newest)->probe->setup;
}

} // namespace dm_remap::reassembly
