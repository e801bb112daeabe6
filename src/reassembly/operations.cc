// SPDX-License-Identifier: GPL-2.0
// What a table line stands for: a set to be loaded, or spares to be formatted.
#include "reassembly/member_check.hh"
#include "reassembly/set_check.hh"

namespace {

using namespace dm_remap;
using namespace dm_remap::reassembly;

void random_uuid(uint8_t (&uuid)[DMR_UUID_SIZE])
{
	dmr_random_bytes(uuid, DMR_UUID_SIZE);
	// Version 4, variant 1 of RFC 4122.
	uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);
	uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
}

template <size_t size>
void copy_text(char (&to)[size], const char *from)
{
	size_t n = 0;

	for (; n < size - 1 && from[n]; n++)
		to[n] = from[n];
	to[n] = '\0';
}

void make_setup(const dmr_assembly_request &request, dmr_setup &setup)
{
	__builtin_memset(&setup, 0, sizeof(setup));
	random_uuid(setup.set_uuid);
	random_uuid(setup.branch);
	setup.created = dmr_wall_seconds();
	setup.main = *request.main;
	copy_text(setup.name, request.name);
	setup.member_count = request.member_count;
	for (uint32_t i = 0; i < request.member_count; i++) {
		dmr_member_entry &entry = setup.members[i];

		random_uuid(entry.uuid);
		entry.sectors = request.members[i].range->sectors;
		entry.state = DMR_MEMBER_ACTIVE;
		copy_text(entry.identity, request.members[i].info.identity);
	}
}

int assemble(const dmr_assembly_request *request, dmr_assembly_verdict *verdict, dmr_setup *setup, char *reason)
{
	Refusal refusal(reason);
	const dmr_assembly_member *known = nullptr, *unformatted = nullptr;

	if (!request->member_count || request->member_count > DMR_MAX_MEMBERS)
		return DMR_REFUSE(refusal,
				  "the table names %u spares: name 1 to %d", request->member_count, DMR_MAX_MEMBERS)
			.negative();
	const std::span<const dmr_assembly_member> members(request->members, request->member_count);
	for (const dmr_assembly_member &member : members) {
		const Result<Standing> standing = check_member(*request, member, refusal);

		if (!standing.ok())
			return standing.error().negative();
		(*standing == Standing::member ? known : unformatted) = &member;
	}

	if (known && unformatted)
		return DMR_REFUSE(refusal,
				  "spare %s carries no metadata, while spare %s belongs to a set of %u members: name "
				  "the spares of that set, and no others",
				  unformatted->info.name, known->info.name, known->probe->setup.member_count)
			.negative();
	if (unformatted) {
		make_setup(*request, *setup);
		*verdict = DMR_ASSEMBLY_FORMAT;
		return 0;
	}
	const Result<const dmr_setup *> newest = check_set(members, refusal);
	if (!newest.ok())
		return newest.error().negative();
	*setup = **newest;
	*verdict = DMR_ASSEMBLY_LOAD;
	return 0;
}

} // namespace

extern "C" {

extern const dmr_reassembly_ops dmr_reassembly_operations;
constinit const dmr_reassembly_ops dmr_reassembly_operations = {
	.owner = nullptr,
	.abi = DMR_REASSEMBLY_ABI,
	.assemble = assemble,
};

}
