// SPDX-License-Identifier: GPL-2.0
#include "core/engine/set_assembly.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap {

namespace {

template <size_t size>
void copy_text(char (&to)[size], const char *from)
{
	dmr_format(to, size, "%s", from);
}

// What is known now takes the place of what was recorded; what is not known stays recorded.
template <size_t size>
void learn(char (&to)[size], const char (&now)[size])
{
	if (now[0])
		copy_text(to, now);
}

} // namespace

Error SetAssembly::assemble(const dmr_engine_params &params, char *reason)
{
	p_ = &params;
	assembly_ = static_cast<dmr_assembly *>(dmr_alloc(sizeof(dmr_assembly)));
	probes_ = static_cast<dmr_probe *>(dmr_alloc(sizeof(dmr_probe) * p_->member_count));
	if (!assembly_ || !probes_) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the device");
		return Error(ENOMEM);
	}
	if (Error error = describe_main(reason))
		return error;
	if (Error error = judge(reason))
		return error;
	if (p_->main_live && (to_format() || !same_uuid(setup().set_uuid, p_->live_set))) {
		dmr_format(reason, DMR_REASON_SIZE, "the device serves this main with another spare, which holds its map: name the same spare; to forget the map, remove the device first");
		return Error(EINVAL);
	}
	return Error::none();
}

void SetAssembly::destroy()
{
	dmr_free(probes_);
	dmr_free(assembly_);
	probes_ = nullptr;
	assembly_ = nullptr;
}

Error SetAssembly::describe_main(char *reason)
{
	dmr_device_info info;

	dmr_device_describe(p_->main, &info);
	if (!BlockSize::supported(info.logical_block_bytes)) {
		dmr_format(reason, DMR_REASON_SIZE, "main %s: its logical block is %u bytes; 512 and 4096 are supported", info.name,
			   info.logical_block_bytes);
		return Error(EINVAL);
	}
	block_size_ = BlockSize(info.logical_block_bytes);
	physical_ = PhysicalBlocks(info, block_size_);
	identity_.sectors = block_size_.to_sectors(block_size_.to_blocks(Sectors(info.sectors))).value;
	identity_.block_bytes = info.logical_block_bytes;
	copy_text(place_, info.place);
	copy_text(identity_.identity, info.identity[0] ? info.identity : info.place);
	copy_text(identity_.disk, info.disk);
	copy_text(identity_.id, p_->main_id ? p_->main_id : "");
	return Error::none();
}

void SetAssembly::bring_up_to_date(dmr_setup &setup) const
{
	dmr_main_identity &main = setup.main;

	copy_text(setup.name, p_->name);
	setup.read_retries = p_->read_retries;
	if (p_->new_main) {
		main = identity_;
		return;
	}
	learn(main.identity, identity_.identity);
	learn(main.disk, identity_.disk);
	learn(main.id, identity_.id);
	if (p_->sectors > main.sectors)
		main.sectors = identity_.sectors;
}

Error SetAssembly::probe_members(char *reason)
{
	for (uint32_t i = 0; i < p_->member_count; i++) {
		if (!p_->members[i].dev)
			continue;
		if (int rc = p_->metadata->probe(&p_->members[i], &probes_[i], reason))
			return Error(-rc);
	}
	return Error::none();
}

// As the table line asks; for a single spare that is to be added its features mean nothing.
dmr_assembly_request SetAssembly::request(const dmr_assembly_member *members, uint32_t count) const
{
	return {
		.main = &identity_,
		.main_place = place_,
		.name = p_->name,
		.members = members,
		.member_count = count,
		.max_extents = 0,
		.format = false,
		.new_main = false,
		.degraded = false,
		.force = false,
		.read_only = false,
	};
}

Error SetAssembly::judge(char *reason)
{
	dmr_assembly_member *members =
		static_cast<dmr_assembly_member *>(dmr_alloc(sizeof(dmr_assembly_member) * p_->member_count));

	if (!members) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the device");
		return Error(ENOMEM);
	}
	Error error = probe_members(reason);

	if (!error) {
		for (uint32_t i = 0; i < p_->member_count; i++) {
			members[i].range = &p_->members[i];
			members[i].probe = &probes_[i];
			if (p_->members[i].dev)
				dmr_device_describe(p_->members[i].dev, &members[i].info);
		}
		dmr_assembly_request table = request(members, p_->member_count);

		table.max_extents = p_->max_extents;
		table.format = p_->format;
		table.new_main = p_->new_main;
		table.degraded = p_->degraded;
		table.force = p_->force;
		table.read_only = p_->read_only;
		error = Error(-p_->reassembly->assemble(&table, &verdict_, assembly_, reason));
	}
	dmr_free(members);
	return error;
}

Error SetAssembly::place_members(MemberList &members, char *reason)
{
	for (uint32_t i = 0; i < p_->member_count; i++) {
		if (p_->members[i].dev)
			members.set(assembly_->slot[i], p_->members[i]);
	}
	if (!to_format())
		return Error::none();
	setup().read_retries = p_->read_retries;
	return Error(-p_->metadata->lay_out(members.ranges(), setup().max_extents, &setup(), reason));
}

Error SetAssembly::still_blank(char *reason)
{
	for (uint32_t i = 0; i < p_->member_count; i++) {
		bool fresh = to_format() ||
			     (p_->members[i].dev && setup().members[assembly_->slot[i]].state == DMR_MEMBER_JOINING);

		if (!fresh || probes_[i].verdict != DMR_PROBE_BLANK)
			continue;
		if (int rc = p_->metadata->probe(&p_->members[i], &probes_[i], reason))
			return Error(-rc);
		if (probes_[i].verdict == DMR_PROBE_BLANK)
			continue;
		dmr_device_info info;

		dmr_device_describe(p_->members[i].dev, &info);
		dmr_format(reason, DMR_REASON_SIZE, "spare %s is not blank any more: something wrote to it since the table was loaded; load the table again",
			   info.name);
		return Error(EBUSY);
	}
	return Error::none();
}

// Does the set name the member whose own setup this is?
bool SetAssembly::names(const dmr_setup &own) const
{
	for (uint32_t i = 0; i < setup().member_count; i++) {
		if (setup().members[i].state != DMR_MEMBER_ABSENT &&
		    same_uuid(setup().members[i].uuid, own.members[own.own_index].uuid))
			return true;
	}
	return false;
}

Error SetAssembly::admit(const dmr_member_range &range, dmr_member_entry &entry, char *reason) const
{
	struct Candidate {
		dmr_probe probe;
		dmr_assembly_member member;
	};
	Candidate *c = static_cast<Candidate *>(dmr_alloc(sizeof(Candidate)));

	if (!c) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the spare");
		return Error(ENOMEM);
	}
	Error error(-p_->metadata->probe(&range, &c->probe, reason));

	if (!error) {
		c->member.range = &range;
		c->member.probe = &c->probe;
		dmr_device_describe(range.dev, &c->member.info);
		dmr_assembly_request alone = request(&c->member, 1);

		error = Error(-p_->reassembly->admit(&alone, reason));
	}
	// What was never finished elsewhere may be overwritten; what this set knows as its own may not.
	if (!error && c->probe.verdict == DMR_PROBE_MEMBER && names(c->probe.setup)) {
		dmr_format(reason, DMR_REASON_SIZE, "it is a spare of this set that is behind: load a table that names it");
		error = Error(EINVAL);
	}
	if (!error && c->probe.verdict == DMR_PROBE_MEMBER && !same_uuid(c->probe.setup.set_uuid, setup().set_uuid)) {
		dmr_format(reason, DMR_REASON_SIZE, "spare %s is about to become one of another set, of '%.32s': name another one; if that set is given up, blank this one",
			   c->member.info.name, c->probe.setup.name);
		error = Error(EINVAL);
	}
	if (!error) {
		random_uuid(entry.uuid);
		__builtin_memcpy(entry.identity, c->member.info.identity, sizeof(entry.identity));
	}
	dmr_free(c);
	return error;
}

} // namespace dm_remap
