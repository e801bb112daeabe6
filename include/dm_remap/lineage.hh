// SPDX-License-Identifier: GPL-2.0
// Which of two superblocks of one set knows more. A branch id is drawn anew whenever an active member is left behind, so
// what a member of an ancestor's branch holds is known to the descendant, and nothing was committed there since.
#ifndef DM_REMAP_LINEAGE_HH
#define DM_REMAP_LINEAGE_HH

#include "metadata.h"

namespace dm_remap {

inline bool same_uuid(const uint8_t (&a)[DMR_UUID_SIZE], const uint8_t (&b)[DMR_UUID_SIZE])
{
	return !__builtin_memcmp(a, b, DMR_UUID_SIZE);
}

// Version 4, variant 1 of RFC 4122. process.
inline void random_uuid(uint8_t (&uuid)[DMR_UUID_SIZE])
{
	dmr_random_bytes(uuid, DMR_UUID_SIZE);
	uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);
	uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
}

inline bool same_branch(const dmr_setup &a, const dmr_setup &b)
{
	return same_uuid(a.branch, b.branch);
}

// b's branch is a proper ancestor of a's.
inline bool descends(const dmr_setup &a, const dmr_setup &b)
{
	for (uint32_t i = 0; i < a.ancestor_count && i < DMR_MAX_ANCESTORS; i++)
		if (same_uuid(a.ancestors[i], b.branch))
			return true;
	return false;
}

// a is to be believed rather than b: of a later branch, or later in the same.
inline bool supersedes(const dmr_setup &a, const dmr_setup &b)
{
	return same_branch(a, b) ? a.generation > b.generation : descends(a, b);
}

// Neither led to the other.
inline bool diverged(const dmr_setup &a, const dmr_setup &b)
{
	return !same_branch(a, b) && !descends(a, b) && !descends(b, a);
}

// A member whose own superblock is `own` has all that the set has committed, if the set is at `newest`.
inline bool up_to_date(const dmr_setup &own, const dmr_setup &newest)
{
	return same_branch(own, newest) && own.own_index < DMR_MAX_MEMBERS &&
	       own.members[own.own_index].state == DMR_MEMBER_ACTIVE;
}

// The set goes on without an active member: a new branch, the old one its newest ancestor.
inline void start_branch(dmr_setup &setup, const uint8_t (&branch)[DMR_UUID_SIZE])
{
	uint32_t kept = setup.ancestor_count < DMR_MAX_ANCESTORS ? setup.ancestor_count : DMR_MAX_ANCESTORS - 1;

	__builtin_memmove(setup.ancestors[1], setup.ancestors[0], kept * sizeof(setup.ancestors[0]));
	__builtin_memcpy(setup.ancestors[0], setup.branch, sizeof(setup.branch));
	setup.ancestor_count = kept + 1;
	__builtin_memcpy(setup.branch, branch, sizeof(setup.branch));
}

} // namespace dm_remap

#endif
