// SPDX-License-Identifier: GPL-2.0
// Who takes part, and what the superblocks say of it.
//
// What a superblock says is never better than what its member has: a member that is left behind stays in the branch in
// which it had everything, while the others begin a new one before anything more counts as committed; one that is taken
// in is named active on the others first, and in its own superblock last, when it has all.
#include "metadata/setup_check.hh"
#include "metadata/store.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::metadata {

// The setup says of members that take part no longer what became of them. True if the set is to go on without one that
// was active.
bool Store::settle()
{
	bool left_behind = false;

	// Those behind are none.
	for (uint32_t i = 0; i < setup_.member_count; ++i) {
		dmr_member_entry &entry = setup_.members[i];

		if (has(members_.taking_part(), i))
			continue;
		if (entry.state == DMR_MEMBER_ACTIVE) {
			entry.state = DMR_MEMBER_DROPPED;
			left_behind = true;
		} else if (entry.state == DMR_MEMBER_JOINING) {
			entry = {};
			members_.detach(i);
		}
	}
	return left_behind;
}

// The setup as it is now, of the next generation, on all current members. One that fails may have it: it is left behind
// in yet another branch.
Error Store::publish(bool new_branch)
{
	do {
		if (new_branch) {
			uint8_t branch[DMR_UUID_SIZE];

			random_uuid(branch);
			start_branch(setup_, branch);
		}
		++setup_.generation;
		members_.adopt(setup_);
		write_superblocks(members_.current());
		if (!members_.current())
			return fail(Error(EIO));
		new_branch = settle();
	} while (new_branch);
	loaded_.mend.superblocks = false;
	return Error::none();
}

Error Store::record_drops()
{
	if (!members_.current())
		return fail(Error(EIO));
	return settle() ? publish(true) : Error::none();
}

// Of each member first the copy that is not needed should the power go: copy A, or the one that is lost already.
void Store::write_superblocks(uint32_t to)
{
	Moment moment = {Generation(setup_.generation), Generation(0)};

	for (Copy round : format::copies) {
		for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
			Copy copy = !has(b_first_, i) ? round : round == Copy::a ? Copy::b : Copy::a;

			if (!has(to & members_.taking_part(), i))
				continue;
			encode_superblock(setup_, i, scratch_, members_.draft(0));
			members_.write(i, Kind::superblock, copy, members_.layout().superblock(copy), 1, moment, DMR_IO_FUA);
		}
	}
	b_first_ &= ~to;
}

uint32_t Store::joining() const
{
	uint32_t members = 0;

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		if (setup_.members[i].state == DMR_MEMBER_JOINING)
			members |= 1u << i;
	return members;
}

// As formatting does it, but that copy B of an earlier attempt to join stays until the new one takes its place: it and the
// mark together say that what lies there is worth nothing, as long as not all of it is empty. The superblock that takes
// the place of the mark says that its member is only joining; nothing else speaks of it yet.
void Store::prepare_joining(uint32_t members)
{
	members_.adopt(setup_);
	write_marks(members);
	wipe_old_superblocks(members, false);
	for (Copy copy : format::copies)
		write_empty_log(members, copy);
	write_empty_checkpoints(members);
	members_.flush(members);
	write_new_superblocks(members);
	prepared_ |= members;
}

// Two checkpoints are on all who take part. In the log of one that was behind there may be anything: its own past, less
// what was lost of it. That is worth something until here, so it goes copy by copy, and only now.
Error Store::take_in()
{
	uint32_t behind = members_.incoming() & ~joining();

	for (Copy copy : format::copies) {
		write_empty_log(behind, copy);
		members_.flush(behind);
	}
	prepared_ = 0;
	if (Error error = record_drops())
		return error;
	if (!members_.incoming())
		return Error::none();
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		if (has(members_.incoming(), i))
			setup_.members[i].state = DMR_MEMBER_ACTIVE;
	if (Error error = publish(false))
		return error;
	write_superblocks(members_.incoming());
	members_.set_parts(members_.taking_part(), 0);
	return record_drops();
}

Error Store::update_setup(const dmr_setup &setup)
{
	if (Error error = writable())
		return error;
	if (!same_but_for_options(setup, setup_) || !options_possible(setup))
		return Error(EINVAL);
	__builtin_memcpy(setup_.name, setup.name, sizeof(setup_.name));
	setup_.main = setup.main;
	__builtin_memcpy(setup_.main_uuid, setup.main_uuid, sizeof(setup_.main_uuid));
	setup_.read_retries = setup.read_retries;
	setup_.patrol = setup.patrol;
	return publish(settle());
}

Error Store::keep_patrol(const dmr_patrol_record &patrol)
{
	if (Error error = writable())
		return error;
	setup_.patrol = patrol;
	return publish(settle());
}

Error Store::use_features(uint64_t features)
{
	if (Error error = writable())
		return error;
	if (!(features & ~setup_.features))
		return Error::none();
	setup_.features |= features;
	return publish(settle());
}

uint32_t Store::free_slot() const
{
	uint32_t slot = 0;

	while (slot < DMR_MAX_MEMBERS && setup_.members[slot].state != DMR_MEMBER_ABSENT)
		++slot;
	return slot;
}

Error Store::add_member(const dmr_member_range &range, const dmr_member_entry &entry, uint32_t &index, Reason reason)
{
	uint32_t slot = free_slot(), slots_before = setup_.member_count;
	dmr_device_info info = {};

	if (Error error = writable())
		return DMR_REFUSE_WITH(reason, error.code(), "the set takes no further spare: its metadata cannot be written");
	if (slot == DMR_MAX_MEMBERS)
		return DMR_REFUSE_WITH(reason, ENOSPC, "the set has %u spares, which is the most: remove one first", DMR_MAX_MEMBERS);
	dmr_device_describe(range.dev, &info);
	dmr_member_entry &own = setup_.members[slot];

	if (Error error = lay_out_further(range, setup_, own, reason)) {
		own = {};
		return error;
	}
	__builtin_memcpy(own.uuid, entry.uuid, sizeof(own.uuid));
	__builtin_memcpy(own.identity, entry.identity, sizeof(own.identity));
	own.state = DMR_MEMBER_JOINING;
	setup_.member_count = slot < slots_before ? slots_before : slot + 1;
	members_.attach(slot, range, own.unit_bytes);
	members_.set_parts(members_.current(), members_.incoming() | 1u << slot);
	prepare_joining(1u << slot);
	if (!has(members_.incoming(), slot)) {
		own = {};
		setup_.member_count = slots_before;
		members_.detach(slot);
		members_.adopt(setup_);
		return DMR_REFUSE_WITH(reason, EIO, "spare %s: its metadata area cannot be written: choose another range, or replace its disk",
				       info.name);
	}
	loaded_.mend.checkpoint = true;
	index = slot;
	return Error::none();
}

// Out of the set, for all others.
Error Store::let_go(uint32_t index)
{
	if (Error error = writable())
		return error;
	if (index >= DMR_MAX_MEMBERS || setup_.members[index].state == DMR_MEMBER_ABSENT)
		return Error(EINVAL);
	if (!(members_.current() & ~(1u << index)))
		return Error(EBUSY);
	members_.leave(index);
	setup_.members[index] = {};
	settle();
	return publish(true);
}

// The superblocks go last: as long as one is found it says that the member had everything, in a branch that others
// have left.
Error Store::remove_member(uint32_t index)
{
	if (Error error = let_go(index))
		return error;
	if (!members_.there(index))
		return Error::none();
	for (Copy copy : format::copies) {
		Sectors place = members_.area(index).sector(members_.layout().superblock(copy));

		// What refuses is not in the set any more all the same.
		members_.write_zeroes(index, place, format::unit_content_bytes);
	}
	members_.detach(index);
	return Error::none();
}

Error Store::forget_member(uint32_t index)
{
	Error error = let_go(index);

	if (!error)
		members_.detach(index);
	return error;
}

} // namespace dm_remap::metadata
