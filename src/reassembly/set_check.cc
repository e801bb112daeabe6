// SPDX-License-Identifier: GPL-2.0
#include "reassembly/set_check.hh"

#include "reassembly/new_setup.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::reassembly {

namespace {

// The same member twice: a disk and its copy, and nobody knows which of them is the newer.
Error refuse_copies(const Spares &spares, Refusal &refusal)
{
	const std::span<const dmr_assembly_member> members = spares.members();

	for (size_t i = 0; i < members.size(); i++)
		for (size_t j = 0; j < i; j++)
			if (spares.has_superblock(i) && spares.has_superblock(j) &&
			    same_uuid(own_entry(members[i]).uuid, own_entry(members[j]).uuid))
				return DMR_REFUSE(refusal,
						  "spares %s and %s carry the same member UUID %08x..., one is a copy "
						  "of the other: name only the one that was in use last",
						  members[j].info.name, members[i].info.name,
						  brief(own_entry(members[i]).uuid));
	return Error::none();
}

Error refuse_other_sets(const Spares &spares, Refusal &refusal)
{
	const std::span<const dmr_assembly_member> members = spares.members();
	const dmr_assembly_member *first = nullptr;

	for (size_t i = 0; i < members.size(); i++) {
		if (!spares.has_superblock(i))
			continue;
		if (!first)
			first = &members[i];
		const dmr_setup &setup = members[i].probe->setup, &known = first->probe->setup;
		if (!same_uuid(setup.set_uuid, known.set_uuid))
			return DMR_REFUSE(refusal,
					  "spares %s and %s belong to different sets (%08x... of '%.32s', %08x... of "
					  "'%.32s'): name the spares of one set",
					  first->info.name, members[i].info.name, brief(known.set_uuid), known.name,
					  brief(setup.set_uuid), setup.name);
	}
	return Error::none();
}

Error refuse_separate_ways(const Spares &spares, Refusal &refusal)
{
	const std::span<const dmr_assembly_member> members = spares.members();

	for (size_t i = 0; i < members.size(); i++)
		for (size_t j = 0; j < i; j++) {
			if (spares.standings[i] != Standing::member || spares.standings[j] != Standing::member)
				continue;
			const dmr_setup &a = members[j].probe->setup, &b = members[i].probe->setup;
			if (diverged(a, b))
				return DMR_REFUSE(refusal,
						  "spares %s and %s of set %08x... went separate ways (branches %08x... "
						  "and %08x...), each was started without the other: save what each alone "
						  "has, started with 'degraded' and 'force'; then blank one to add it again",
						  members[j].info.name, members[i].info.name, brief(a.set_uuid),
						  brief(a.branch), brief(b.branch));
		}
	return Error::none();
}

// None of them diverged, so that of two one supersedes the other or they say the same.
const dmr_assembly_member *newest_member(const Spares &spares)
{
	const dmr_assembly_member *newest = nullptr;

	for (size_t i = 0; i < spares.standings.size(); i++) {
		const dmr_assembly_member &member = spares.request.members[i];

		if (spares.standings[i] != Standing::member)
			continue;
		if (!newest || supersedes(member.probe->setup, newest->probe->setup))
			newest = &member;
	}
	return newest;
}

// An entry that stands for a member, whether the table names it or not.
bool belongs(const dmr_member_entry &entry)
{
	return entry.state == DMR_MEMBER_ACTIVE || entry.state == DMR_MEMBER_DROPPED;
}

// Where the setup has this member, or DMR_NO_SLOT.
uint8_t slot_of(const dmr_setup &setup, const dmr_assembly_member &member)
{
	for (uint32_t i = 0; i < setup.member_count; i++)
		if (belongs(setup.members[i]) && same_uuid(setup.members[i].uuid, own_entry(member).uuid))
			return static_cast<uint8_t>(i);
	return DMR_NO_SLOT;
}

// ---- who is missing ----

struct Missing final {
	uint32_t count = 0;
	uint32_t active = 0;	// not recorded as dropped
	uint32_t of = 0;	// members that the set has
};

bool is_missing(const dmr_assembly &assembly, uint32_t table_count, uint32_t slot)
{
	if (!belongs(assembly.setup.members[slot]))
		return false;
	for (uint32_t i = 0; i < table_count; i++)
		if (assembly.slot[i] == slot)
			return false;
	return true;
}

Missing count_missing(const dmr_assembly &assembly, uint32_t table_count)
{
	Missing missing;

	for (uint32_t slot = 0; slot < assembly.setup.member_count; slot++) {
		missing.of += belongs(assembly.setup.members[slot]);
		if (!is_missing(assembly, table_count, slot))
			continue;
		missing.count++;
		missing.active += assembly.setup.members[slot].state == DMR_MEMBER_ACTIVE;
	}
	return missing;
}

// "11111111... ('wwid-1'), 22222222... and 3 more": the first `most` of `count` missing members, or of the active ones.
void list_missing(const dmr_assembly &assembly, uint32_t table_count, bool active_only, uint32_t count, uint32_t most,
		  Refusal &refusal)
{
	constexpr size_t identity_shown = 24;
	uint32_t listed = 0;

	for (uint32_t slot = 0; slot < assembly.setup.member_count && listed < most; slot++) {
		const dmr_member_entry &entry = assembly.setup.members[slot];

		if (!is_missing(assembly, table_count, slot) || (active_only && entry.state != DMR_MEMBER_ACTIVE))
			continue;
		DMR_APPEND(refusal, "%s%08x...", listed ? ", " : "", brief(entry.uuid));
		if (entry.identity[0])
			DMR_APPEND(refusal, " ('%s')", tail(entry.identity, identity_shown));
		listed++;
	}
	if (count > listed)
		DMR_APPEND(refusal, " and %u more", count - listed);
}

Error refuse_missing(const dmr_assembly_request &request, const dmr_assembly &assembly, Refusal &refusal)
{
	const dmr_setup &setup = assembly.setup;
	const Missing missing = count_missing(assembly, request.member_count);
	const char *const them = missing.count == 1 ? "it" : "them";
	uint32_t dashes = 0;

	for (uint32_t i = 0; i < request.member_count; i++)
		dashes += !request.members[i].range->dev;
	if (dashes > missing.count)
		return DMR_REFUSE(refusal, "the table has %u '-' for missing spares, set %08x... of '%.32s' lacks %u: take "
					   "out those that stand for none",
				  dashes, brief(setup.set_uuid), setup.name, missing.count);
	if (missing.count && !request.degraded) {
		Error error = DMR_REFUSE(refusal, "%u of the %u members of set %08x... of '%.32s' %s missing: ", missing.count,
					 missing.of, brief(setup.set_uuid), setup.name,
					 missing.count == 1 ? "is" : "are");

		list_missing(assembly, request.member_count, false, missing.count, 2, refusal);
		DMR_APPEND(refusal, ": name %s, or to start without %s add 'degraded'%s", them, them,
			   missing.active ? " and 'force'" : "");
		return error;
	}
	if (missing.active && !request.force) {
		Error error = DMR_REFUSE(refusal, "set %08x... lacks ", brief(setup.set_uuid));

		list_missing(assembly, request.member_count, true, missing.active, 1, refusal);
		DMR_APPEND(refusal, ", not recorded as dropped: if used since without the spares named, what was remapped "
				    "then is unknown here and old data will be read; name %s, or add 'force' to risk that",
			   missing.active == 1 ? "it" : "them");
		return error;
	}
	return Error::none();
}

// ---- who comes ----

Error join(const Spares &spares, const dmr_assembly_member &member, dmr_setup &setup, uint8_t &slot, Refusal &refusal)
{
	uint32_t free = 0;

	if (Error error = refuse_if_read_only(spares.request, member, refusal))
		return error;
	while (free < setup.member_count && setup.members[free].state != DMR_MEMBER_ABSENT)
		free++;
	if (free == DMR_MAX_MEMBERS)
		return DMR_REFUSE(refusal,
				  "spare %s is blank, and set %08x... of '%.32s' has %d members, as many as a set can "
				  "have: leave it out, or remove another first (message 'remove_spare')",
				  member.info.name, brief(setup.set_uuid), setup.name, DMR_MAX_MEMBERS);
	if (free == setup.member_count)
		setup.member_count++;
	make_entry(member, DMR_MEMBER_JOINING, setup.members[free]);
	slot = static_cast<uint8_t>(free);
	return Error::none();
}

// A blank range may be the one that the entry speaks of.
bool could_be(const dmr_assembly_member &member, const dmr_member_entry &entry)
{
	return member.range->sectors == entry.sectors &&
	       (!entry.identity[0] || !member.info.identity[0] ||
		!__builtin_strncmp(entry.identity, member.info.identity, DMR_IDENTITY_SIZE));
}

} // namespace

const dmr_assembly_member *Spares::first(Standing standing) const
{
	for (size_t i = 0; i < standings.size(); i++)
		if (standings[i] == standing)
			return &request.members[i];
	return nullptr;
}

Result<const dmr_assembly_member *> newest_of_one_set(const Spares &spares, Refusal &refusal)
{
	if (Error error = refuse_copies(spares, refusal))
		return error;
	if (Error error = refuse_other_sets(spares, refusal))
		return error;
	if (Error error = refuse_separate_ways(spares, refusal))
		return error;

	const dmr_assembly_member *newest = newest_member(spares);
	if (newest && own_entry(*newest).state == DMR_MEMBER_ACTIVE)
		return newest;
	const dmr_assembly_member &known = newest ? *newest : *spares.first(Standing::joining);
	Error error = DMR_REFUSE(refusal,
				 "spare %s was being added to set %08x..., or dropped from it, and does not hold its map: "
				 "name the set's other spares",
				 known.info.name, brief(known.probe->setup.set_uuid));
	advise_reuse(known, NamedBy::table, refusal);
	return error;
}

bool formatting_was_cut_off(const Spares &spares, const dmr_assembly_member &newest)
{
	const dmr_setup &setup = newest.probe->setup;
	uint32_t used = 0;	// bit per spare of the table

	for (size_t i = 0; i < spares.standings.size(); i++) {
		const Standing standing = spares.standings[i];

		if (standing != Standing::to_format &&
		    !(standing == Standing::member && spares.request.members[i].probe->formatting))
			return false;
	}
	for (uint32_t slot = 0; slot < setup.member_count; slot++) {
		bool found = !belongs(setup.members[slot]);

		for (uint32_t i = 0; i < spares.request.member_count && !found; i++) {
			const dmr_assembly_member &member = spares.request.members[i];

			found = !(used & 1u << i) && (spares.standings[i] == Standing::member
							      ? same_uuid(own_entry(member).uuid, setup.members[slot].uuid)
							      : could_be(member, setup.members[slot]));
			if (found)
				used |= 1u << i;
		}
		if (!found)
			return false;
	}
	return true;
}

Error place_members(const Spares &spares, const dmr_assembly_member &newest, dmr_assembly &out, Refusal &refusal)
{
	const dmr_assembly_request &request = spares.request;
	dmr_setup &setup = out.setup;

	setup = newest.probe->setup;
	for (uint32_t i = 0; i < setup.member_count; i++)
		if (!belongs(setup.members[i]))
			__builtin_memset(&setup.members[i], 0, sizeof(setup.members[i]));
	for (uint32_t i = 0; i < request.member_count; i++) {
		const dmr_assembly_member &member = request.members[i];

		out.slot[i] = spares.has_superblock(i) ? slot_of(setup, member) : uint8_t(DMR_NO_SLOT);
		if (spares.standings[i] == Standing::member && out.slot[i] == DMR_NO_SLOT) {
			Error error = DMR_REFUSE(refusal, "spare %s was removed from set %08x... of '%.16s': leave it out, or read it: "
						 "read-only, 'degraded force'",
						 member.info.name, brief(setup.set_uuid), setup.name);

			advise_reuse(member, NamedBy::table, refusal);
			return error;
		}
		if (spares.standings[i] == Standing::joining && out.slot[i] != DMR_NO_SLOT)
			if (Error error = refuse_unless_range_fits(member, refusal))
				return error;
	}
	if (Error error = refuse_missing(request, out, refusal))
		return error;
	if (request.max_extents && request.max_extents != setup.max_extents)
		return DMR_REFUSE(refusal,
				  "max_extents %llu: set %08x... of '%.32s' was formatted with %llu, and that stays: "
				  "leave the feature out",
				  static_cast<unsigned long long>(request.max_extents), brief(setup.set_uuid),
				  setup.name, static_cast<unsigned long long>(setup.max_extents));
	for (uint32_t i = 0; i < request.member_count; i++)
		if (out.slot[i] == DMR_NO_SLOT && spares.standings[i] != Standing::missing)
			if (Error error = join(spares, request.members[i], setup, out.slot[i], refusal))
				return error;
	return Error::none();
}

} // namespace dm_remap::reassembly
