// SPDX-License-Identifier: GPL-2.0
// One spare by itself: is it what the table takes it for?
#ifndef DM_REMAP_REASSEMBLY_MEMBER_CHECK_HH
#define DM_REMAP_REASSEMBLY_MEMBER_CHECK_HH

#include "reassembly/refusal.hh"

#include <dm_remap/reassembly.h>

namespace dm_remap::reassembly {

enum class Standing : uint8_t {
	missing,	// "-" in the table
	member,		// its superblock verifies
	joining,	// so it is, but it was being added to its set: blank, unless the others of the set name it
	to_format,	// it may be formatted: blank, or `format` gives its content up
};

// Where the spare is named, as the advice differs: there is no `format` in a message.
enum class NamedBy : uint8_t { table, message };

// Reads from the device only to name foreign content. EINVAL with the refusal written. process, may block.
Result<Standing> check_member(const dmr_assembly_request &request, const dmr_assembly_member &member, NamedBy by,
			      Refusal &refusal);

// May it be written at all? EINVAL with the refusal written.
Error refuse_if_read_only(const dmr_assembly_request &request, const dmr_assembly_member &member, Refusal &refusal);

// Does the table name a member as it was formatted? EINVAL with the refusal written.
Error refuse_unless_range_fits(const dmr_assembly_member &member, Refusal &refusal);

// What the superblock of this member (probe: MEMBER) says of the member itself.
inline const dmr_member_entry &own_entry(const dmr_assembly_member &member)
{
	const dmr_setup &setup = member.probe->setup;

	return setup.members[setup.own_index];
}

// Append to a refusal how the member can be had for another set.
void advise_reuse(const dmr_assembly_member &member, NamedBy by, Refusal &refusal);

} // namespace dm_remap::reassembly

#endif
