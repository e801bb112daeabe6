// SPDX-License-Identifier: GPL-2.0
// Engine, the pool members that come and go while it serves.
#include "core/engine/engine.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

Error Engine::may_write(char *reason) const
{
	Error error = Error::none();

	if (__atomic_load_n(&suspended_, __ATOMIC_RELAXED)) {
		dmr_format(reason, DMR_REASON_SIZE, "the device is suspended; resume it first");
		error = Error(EBUSY);
	} else if (p_.read_only) {
		dmr_format(reason, DMR_REASON_SIZE, "the table is read-only; load it read-write first");
		error = Error(EROFS);
	}
	return error;
}

Error Engine::may_change(char *reason) const
{
	Error error = may_write(reason);

	if (!error && mover_.slot() != Mover::none) {
		dmr_format(reason, DMR_REASON_SIZE, "a spare is being removed; wait for the end of that, or cancel it");
		error = Error(EBUSY);
	}
	return error;
}

Error Engine::add_member(const dmr_member_range &range, char *reason)
{
	dmr_member_entry entry = {};

	if (Error error = may_change(reason))
		return error;
	Error error = set_.admit(range, entry, reason);

	if (!error)
		error = map_.add_member(range, entry, reason);
	map_.copy_setup(set_.setup());
	watch_pool();
	return error;
}

int Engine::remove_member(const dmr_member_range &range, bool force, char *reason)
{
	uint32_t slot = members_.find(range);

	if (Error error = may_change(reason))
		return error.negative();
	if (slot == MemberList::slots) {
		dmr_format(reason, DMR_REASON_SIZE, "it is no spare of this device; 'status' lists them");
		return -ENOENT;
	}
	if (Error error = map_.may_go(slot, reason))
		return error.negative();
	map_.spares().close(slot);

	dmr_pool_usage own = map_.spares().usage(slot), all = map_.spares().usage(DMR_MAX_MEMBERS);
	Error error = Error::none();

	if (own.used > all.free) {
		dmr_format(reason, DMR_REASON_SIZE, "%llu blocks live on it, and the other spares have room for %llu: add another one first",
			   static_cast<unsigned long long>(own.used), static_cast<unsigned long long>(all.free));
		error = Error(ENOSPC);
	} else if (own.used > 0 || own.bad > 0) {
		error = mover_.start({ .kind = Mover::Kind::evacuate, .slot = slot, .give_up = force, .at = {}, .end = {} });
		if (!error)
			return 1;
		job_in_the_way(reason);
	} else if (dmr_drain(p_.inst, dmr_now_ns() + drain_ns)) {
		dmr_format(reason, DMR_REASON_SIZE, "I/O that began earlier is still under way: try again");
		error = Error(EBUSY);
	} else {
		error = map_.remove_member(slot, reason);
		map_.copy_setup(set_.setup());
	}
	if (error)
		map_.spares().reopen(slot);
	return error.negative();
}

Error Engine::cancel_remove(const dmr_member_range &range, char *reason)
{
	uint32_t slot = members_.find(range);
	Error error = slot == MemberList::slots ? Error(ENOENT) : mover_.cancel(Mover::Kind::evacuate, slot);

	if (error)
		dmr_format(reason, DMR_REASON_SIZE, "it is not being removed");
	return error;
}

uint32_t Engine::missing() const
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < MemberList::slots; i++)
		n += map_.spares().knows(i) && !members_.present(i);
	return n;
}

// Has all ended that may still look for the device of the member whose blocks are lost now: what map has sent there, and
// recoveries that began when they still lived there? Whoever comes later finds them lost, and is not waited for.
Error Engine::left_alone(char *reason)
{
	uint64_t moment = ranges_.moment(), deadline = dmr_now_ns() + drain_ns;
	bool alone = dmr_drain(p_.inst, deadline) == 0;
	MainBlock start, end;

	for (uint32_t slot = 0; slot < RangeTable::slots && alone; slot++) {
		if (ranges_.held_since(moment, slot, start, end) && map_.any(ExtentKind::lost, start, end))
			alone = ranges_.outlast(moment, slot, deadline);
	}
	if (alone)
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "I/O that began earlier is still under way: try again");
	return Error(EBUSY);
}

Error Engine::forget_member(uint32_t slot, bool force, char *reason)
{
	uint64_t blocks = 0;

	if (Error error = may_change(reason))
		return error;
	if (!map_.spares().knows(slot)) {
		dmr_format(reason, DMR_REASON_SIZE, "there is no spare %u; 'status' lists them", slot);
		return Error(ENOENT);
	}
	if (map_.takes_part(slot)) {
		dmr_format(reason, DMR_REASON_SIZE, "spare %u is not lost: to keep what lives on it 'remove_spare' moves that to the others and takes it out, with 'force' less what cannot be read", slot);
		return Error(EBUSY);
	}
	if (Error error = map_.lose(slot, force, blocks, reason))
		return error;
	if (blocks > 0)
		dmr_log(p_.inst, DMR_LOG_WARN, "spare %u is given up: %llu blocks of %u bytes that lived on it are lost and fail until they are written", slot,
			static_cast<unsigned long long>(blocks), block_size_.bytes());
	if (members_.present(slot)) {
		if (Error error = left_alone(reason))
			return error;
	}
	Error error = map_.forget_member(slot, reason);

	map_.copy_setup(set_.setup());
	watch_pool();
	if (error)
		return error;
	dmr_log(p_.inst, DMR_LOG_INFO, "spare %u is forgotten: the set is complete without it", slot);
	dmr_event(p_.inst, DMR_EVENT_MEMBER_REMOVED);
	return Error::none();
}

} // namespace dm_remap
