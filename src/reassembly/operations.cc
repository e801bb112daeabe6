// SPDX-License-Identifier: GPL-2.0
// What a table line stands for: a set to be loaded, or spares to be formatted; and what may be added to a set.
#include "reassembly/main_check.hh"
#include "reassembly/new_setup.hh"
#include "reassembly/set_check.hh"

namespace {

using namespace dm_remap;
using namespace dm_remap::reassembly;

Result<dmr_assembly_verdict> assemble_new(const Spares &spares, dmr_assembly &out, Refusal &refusal)
{
	if (spares.first(Standing::missing))
		return DMR_REFUSE(refusal,
				  "the table has '-' for a missing spare, and spare %s is blank, of no set that could "
				  "lack one: leave '-' out, or name a spare of the set",
				  spares.first(Standing::to_format)->info.name);
	make_setup(spares.request, out.setup);
	for (uint32_t i = 0; i < spares.request.member_count; i++)
		out.slot[i] = static_cast<uint8_t>(i);
	out.main_is_new = false;
	return DMR_ASSEMBLY_FORMAT;
}

Result<dmr_assembly_verdict> assemble_known(const Spares &spares, dmr_assembly &out, Refusal &refusal)
{
	const Result<const dmr_assembly_member *> newest = newest_of_one_set(spares, refusal);

	if (!newest.ok())
		return newest.error();
	if (Error error = refuse_unless_main_fits(spares.request, **newest, refusal))
		return error;
	// If all have come to the end, they can be loaded as they are.
	if (spares.first(Standing::to_format) && formatting_was_cut_off(spares, **newest))
		return assemble_new(spares, out, refusal);
	if (Error error = place_members(spares, **newest, out, refusal))
		return error;
	out.main_is_new = main_is_new(spares.request, **newest);
	return DMR_ASSEMBLY_LOAD;
}

int assemble(const dmr_assembly_request *request, dmr_assembly_verdict *verdict, dmr_assembly *out, char *reason)
{
	Refusal refusal(reason);
	Standing standings[DMR_MAX_MEMBERS];

	if (!request->member_count || request->member_count > DMR_MAX_MEMBERS)
		return DMR_REFUSE(refusal,
				  "the table names %u spares: name 1 to %d", request->member_count, DMR_MAX_MEMBERS)
			.negative();
	for (uint32_t i = 0; i < request->member_count; i++) {
		const dmr_assembly_member &member = request->members[i];

		standings[i] = Standing::missing;
		if (!member.range->dev)
			continue;
		const Result<Standing> standing = check_member(*request, member, NamedBy::table, refusal);
		if (!standing.ok())
			return standing.error().negative();
		standings[i] = *standing;
	}

	const Spares spares = {*request, {standings, request->member_count}};
	const bool known = spares.first(Standing::member) || spares.first(Standing::joining);
	if (!known && !spares.first(Standing::to_format))
		return DMR_REFUSE(refusal, "the table has nothing but '-' for missing spares: name one that is there")
			.negative();
	const Result<dmr_assembly_verdict> made =
		known ? assemble_known(spares, *out, refusal) : assemble_new(spares, *out, refusal);
	if (!made.ok())
		return made.error().negative();
	*verdict = *made;
	return 0;
}

int admit(const dmr_assembly_request *request, char *reason)
{
	Refusal refusal(reason);
	const dmr_assembly_member &member = request->members[0];

	if (request->member_count != 1 || !member.range->dev)
		return DMR_REFUSE(refusal, "one spare can be added at a time, not %u", request->member_count).negative();
	const Result<Standing> standing = check_member(*request, member, NamedBy::message, refusal);
	if (!standing.ok())
		return standing.error().negative();
	if (*standing == Standing::member) {
		const dmr_setup &setup = member.probe->setup;
		Error error = DMR_REFUSE(refusal,
					 "spare %s is a member of set %08x... of '%.24s': name another spare, or, if that "
					 "is this set, load a table with it",
					 member.info.name, brief(setup.set_uuid), setup.name);

		advise_reuse(member, NamedBy::message, refusal);
		return error.negative();
	}
	return refuse_if_read_only(*request, member, refusal).negative();
}

} // namespace

extern "C" {

extern const dmr_reassembly_ops dmr_reassembly_operations;
constinit const dmr_reassembly_ops dmr_reassembly_operations = {
	.owner = nullptr,
	.abi = DMR_REASSEMBLY_ABI,
	.assemble = assemble,
	.admit = admit,
};

}
