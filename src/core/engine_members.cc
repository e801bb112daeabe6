// SPDX-License-Identifier: GPL-2.0
// Engine, the pool members: who they are when a table is made, who comes and who goes while it serves.
#include "engine.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap {

Error Engine::probe_members(char *reason)
{
	for (uint32_t i = 0; i < p_.member_count; i++) {
		if (!p_.members[i].dev)
			continue;
		if (int rc = p_.metadata->probe(&p_.members[i], &probes_[i], reason))
			return Error(-rc);
	}
	return Error::none();
}

Error Engine::assemble(char *reason)
{
	dmr_assembly_member *members =
		static_cast<dmr_assembly_member *>(dmr_alloc(sizeof(dmr_assembly_member) * p_.member_count));

	if (!members) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the device");
		return Error(ENOMEM);
	}
	Error error = probe_members(reason);

	if (!error) {
		for (uint32_t i = 0; i < p_.member_count; i++) {
			members[i].range = &p_.members[i];
			members[i].probe = &probes_[i];
			if (p_.members[i].dev)
				dmr_device_describe(p_.members[i].dev, &members[i].info);
		}
		dmr_assembly_request request = {
			.main = &identity_,
			.name = name_,
			.members = members,
			.member_count = p_.member_count,
			.max_extents = p_.max_extents,
			.format = p_.format,
			.degraded = p_.degraded,
			.force = p_.force,
			.read_only = p_.read_only,
		};
		error = Error(-p_.reassembly->assemble(&request, &verdict_, assembly_, reason));
	}
	dmr_free(members);
	if (error)
		return error;
	if (p_.main_live &&
	    (verdict_ == DMR_ASSEMBLY_FORMAT || __builtin_memcmp(setup().set_uuid, p_.live_set, sizeof(p_.live_set)))) {
		dmr_format(reason, DMR_REASON_SIZE, "the device serves this main with another spare, which holds its map: this table would forget that; name the same spare, or remove the device first");
		return Error(EINVAL);
	}
	return place_members(reason);
}

// From the table's order into the slots of the set; a new set gets its layout.
Error Engine::place_members(char *reason)
{
	for (uint32_t i = 0; i < p_.member_count; i++) {
		if (p_.members[i].dev)
			members_.set(assembly_->slot[i], p_.members[i]);
	}
	if (verdict_ != DMR_ASSEMBLY_FORMAT)
		return Error::none();
	assembly_->setup.read_retries = p_.read_retries;
	return Error(-p_.metadata->lay_out(members_.ranges(), setup().max_extents, &assembly_->setup, reason));
}

// What is about to be formatted was blank when the constructor looked at it.
Error Engine::still_blank(char *reason)
{
	for (uint32_t i = 0; i < p_.member_count; i++) {
		bool fresh = verdict_ == DMR_ASSEMBLY_FORMAT ||
			     (p_.members[i].dev && setup().members[assembly_->slot[i]].state == DMR_MEMBER_JOINING);

		if (!fresh || probes_[i].verdict != DMR_PROBE_BLANK)
			continue;
		if (int rc = p_.metadata->probe(&p_.members[i], &probes_[i], reason))
			return Error(-rc);
		if (probes_[i].verdict == DMR_PROBE_BLANK)
			continue;
		dmr_device_info info;

		dmr_device_describe(p_.members[i].dev, &info);
		dmr_format(reason, DMR_REASON_SIZE, "spare %s is not blank any more: something wrote to it since the table was loaded; load the table again",
			   info.name);
		return Error(EBUSY);
	}
	return Error::none();
}

// How far the pool reaches; the rule of thumb is 2 to 5 % of main.
void Engine::tell_reach()
{
	dmr_pool_usage usage = store_.usage(DMR_MAX_MEMBERS);
	uint64_t permille = usage.total * block_size_.sectors() * 1000 / p_.sectors;

	dmr_log(p_.inst, DMR_LOG_INFO, "%llu spare blocks of %u bytes, %llu.%llu %% of main, %llu of them free; the map holds up to %llu extents",
		static_cast<unsigned long long>(usage.total), block_size_.bytes(), static_cast<unsigned long long>(permille / 10),
		static_cast<unsigned long long>(permille % 10), static_cast<unsigned long long>(usage.free),
		static_cast<unsigned long long>(store_.max_extents()));
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (setup().members[i].state != DMR_MEMBER_ABSENT && !members_.present(i))
			dmr_log(p_.inst, DMR_LOG_WARN, "spare %u is missing: blocks that live on it fail until they are written", i);
	}
}

Error Engine::may_change(char *reason) const
{
	Error error = Error::none();

	if (__atomic_load_n(&suspended_, __ATOMIC_RELAXED)) {
		dmr_format(reason, DMR_REASON_SIZE, "the device is suspended; resume it first");
		error = Error(EBUSY);
	} else if (p_.read_only) {
		dmr_format(reason, DMR_REASON_SIZE, "the table is read-only; load it read-write first");
		error = Error(EROFS);
	} else if (mover_.slot() != Mover::none) {
		dmr_format(reason, DMR_REASON_SIZE, "a spare is being removed; wait for the end of that, or cancel it");
		error = Error(EBUSY);
	}
	return error;
}

// Does the set name the member whose own setup this is?
bool Engine::names(const dmr_setup &own) const
{
	for (uint32_t i = 0; i < setup().member_count; i++) {
		if (setup().members[i].state != DMR_MEMBER_ABSENT &&
		    same_uuid(setup().members[i].uuid, own.members[own.own_index].uuid))
			return true;
	}
	return false;
}

Error Engine::add_member(const dmr_member_range &range, char *reason)
{
	struct Candidate {
		dmr_probe probe;
		dmr_assembly_member member;
		dmr_member_entry entry;
	};

	if (Error error = may_change(reason))
		return error;
	Candidate *c = static_cast<Candidate *>(dmr_alloc(sizeof(Candidate)));

	if (!c) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the spare");
		return Error(ENOMEM);
	}
	Error error(-p_.metadata->probe(&range, &c->probe, reason));

	if (!error) {
		c->member.range = &range;
		c->member.probe = &c->probe;
		dmr_device_describe(range.dev, &c->member.info);
		dmr_assembly_request request = {
			.main = &identity_,
			.name = name_,
			.members = &c->member,
			.member_count = 1,
			.max_extents = 0,
			.format = false,
			.degraded = false,
			.force = false,
			.read_only = false,
		};
		error = Error(-p_.reassembly->admit(&request, reason));
	}
	// What was never finished elsewhere may be overwritten; what this set knows as its own may not.
	if (!error && c->probe.verdict == DMR_PROBE_MEMBER && names(c->probe.setup)) {
		dmr_format(reason, DMR_REASON_SIZE, "it is a spare of this set that is behind: load a table that names it");
		error = Error(EINVAL);
	}
	if (!error && c->probe.verdict == DMR_PROBE_MEMBER && !same_uuid(c->probe.setup.set_uuid, setup().set_uuid)) {
		dmr_format(reason, DMR_REASON_SIZE, "spare %s is about to become one of another set, of '%.32s': if that is given up, blank it",
			   c->member.info.name, c->probe.setup.name);
		error = Error(EINVAL);
	}
	if (!error) {
		random_uuid(c->entry.uuid);
		__builtin_memcpy(c->entry.identity, c->member.info.identity, sizeof(c->entry.identity));
		error = store_.add_member(range, c->entry, reason);
	}
	dmr_free(c);
	store_.copy_setup(assembly_->setup);
	watch_pool();
	return error;
}

int Engine::remove_member(const dmr_member_range &range, char *reason)
{
	uint32_t slot = members_.find(range);

	if (Error error = may_change(reason))
		return error.negative();
	if (slot == MemberList::slots) {
		dmr_format(reason, DMR_REASON_SIZE, "it is no spare of this device; 'status' lists them");
		return -ENOENT;
	}
	store_.close(slot);

	dmr_pool_usage own = store_.usage(slot), all = store_.usage(DMR_MAX_MEMBERS);
	Error error = Error::none();

	if (!(store_.healthy() & ~(1u << slot))) {
		dmr_format(reason, DMR_REASON_SIZE, "it is the only spare that takes metadata: add another one first");
		error = Error(EBUSY);
	} else if (own.used > all.free) {
		dmr_format(reason, DMR_REASON_SIZE, "%llu blocks live on it, and the other spares have room for %llu: add another one first",
			   static_cast<unsigned long long>(own.used), static_cast<unsigned long long>(all.free));
		error = Error(ENOSPC);
	} else if (own.used > 0 || own.bad > 0) {
		error = mover_.start(slot);
		if (!error)
			return 1;
		dmr_format(reason, DMR_REASON_SIZE, "another spare is being removed");
	} else if (dmr_drain(p_.inst, dmr_now_ns() + Mover::drain_ns)) {
		dmr_format(reason, DMR_REASON_SIZE, "I/O that began earlier is still under way: try again");
		error = Error(EBUSY);
	} else {
		error = store_.remove_member(slot, reason);
		store_.copy_setup(assembly_->setup);
	}
	if (error)
		store_.reopen(slot);
	return error.negative();
}

Error Engine::cancel_remove(const dmr_member_range &range, char *reason)
{
	uint32_t slot = members_.find(range);
	Error error = slot == MemberList::slots ? Error(ENOENT) : mover_.cancel(slot);

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "it is not being removed");
	return error;
}

} // namespace dm_remap
