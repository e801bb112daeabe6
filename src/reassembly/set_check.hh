// SPDX-License-Identifier: GPL-2.0
// Several spares together: are they one set, who of them knows it best, and where does each belong?
#ifndef DM_REMAP_REASSEMBLY_SET_CHECK_HH
#define DM_REMAP_REASSEMBLY_SET_CHECK_HH

#include "reassembly/member_check.hh"

#include <dm_remap/reassembly.h>

#include <span>

namespace dm_remap::reassembly {

// The spares of a table and what check_member() said of each.
struct Spares final {
	const dmr_assembly_request &request;
	std::span<const Standing> standings;

	std::span<const dmr_assembly_member> members() const { return {request.members, request.member_count}; }
	// Its superblock verifies.
	bool has_superblock(size_t i) const
	{
		return standings[i] == Standing::member || standings[i] == Standing::joining;
	}
	// NULL if there is none.
	const dmr_assembly_member *first(Standing standing) const;
};

// At least one spare has a superblock. The one whose setup is the set's; or EINVAL with the refusal written: they are
// of several sets, or went separate ways, or one is a copy of another.
Result<const dmr_assembly_member *> newest_of_one_set(const Spares &spares, Refusal &refusal);

// Was the set's formatting cut off, and are those that did not come to its end among the spares? Then nothing was ever
// stored. `newest` is that of newest_of_one_set().
bool formatting_was_cut_off(const Spares &spares, const dmr_assembly_member &newest);

// Each member to its slot, and what is blank into new ones. EINVAL with the refusal written: a member is missing and
// may not be, or one has no place in the set.
Error place_members(const Spares &spares, const dmr_assembly_member &newest, dmr_assembly &out, Refusal &refusal);

} // namespace dm_remap::reassembly

#endif
