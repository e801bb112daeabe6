// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/deferred_writes.hh"

#include <new>

namespace dm_remap {

Error DeferredWrites::init(const RecoveryParts &parts, const DeviceIo &io, const Owner &owner)
{
	p_ = parts;
	io_ = &io;
	owner_ = owner;
	writes_ = static_cast<Write *>(dmr_alloc(sizeof(Write) * most));
	if (!writes_)
		return Error(ENOMEM);
	for (uint32_t i = 0; i < most; i++) {
		Write *write = new (&writes_[i]) Write;

		write->all = this;
		write->next = free_;
		free_ = write;
	}
	return lock_.init("dmr deferred writes");
}

void DeferredWrites::destroy()
{
	dmr_free(writes_);
	writes_ = free_ = nullptr;
	lock_.destroy();
}

DeferredWrites::Write *DeferredWrites::place()
{
	SpinGuard guard(lock_);
	Write *write = free_;

	if (write)
		free_ = write->next;
	return write;
}

void DeferredWrites::give_back(Write *write)
{
	SpinGuard guard(lock_);

	write->next = free_;
	free_ = write;
}

bool DeferredWrites::take(Job &job)
{
	const WorkerSpace &space = *job.space;

	// One alone has nobody to share a commit with. What was pending or lost, and what a spare has refused meanwhile, needs a worker if
	// the commit fails.
	if (!job.may_leave || p_.map->alone() || space.record_count > most_records || !space.known_before.empty())
		return false;
	for (uint32_t i = 0; i < space.record_count; i++) {
		if (space.records[i].kind != DMR_RECORD_MAP)
			return false;
	}
	Write *write = place();

	if (!write)
		return false;
	for (uint32_t i = 0; i < space.record_count; i++)
		write->records[i] = space.records[i];
	write->req = job.req;
	write->sector = job.info.sector;
	write->range = job.range;
	write->failure = job.failure;
	write->deadline = job.deadline;
	write->piece = job.piece;
	write->ticket = {};
	write->ticket.records = std::span<const dmr_record>(write->records.data(), space.record_count);
	write->ticket.data_members = space.data_members;
	write->ticket.data_moment = space.data_moment;
	write->ticket.announced = true;
	write->ticket.done = committed;
	write->ticket.context = write;
	job.left = true;
	p_.map->submit(write->ticket);
	return true;
}

// After a commit that failed: is there another spare to try?
bool DeferredWrites::goes_on(const CommitTicket &ticket) const
{
	if (ticket.result.code() == ENOSPC)
		dmr_event(p_.inst, DMR_EVENT_MAP_FULL);
	// What is in doubt stays allocated: a later load may find it in use.
	for (const dmr_record &record : ticket.records.subspan(ticket.committed)) {
		if (!ticket.in_doubt)
			p_.map->release({ record.spare_block, record.length, record.member });
	}
	return ticket.lost_members && io_->avoid(ticket.lost_members);
}

void DeferredWrites::committed(void *context)
{
	Write *const write = static_cast<Write *>(context);
	DeferredWrites &all = *write->all;
	const CommitTicket &ticket = write->ticket;
	const bool failed = static_cast<bool>(ticket.result);
	dmr_request *const req = write->req;
	const uint32_t range = write->range;
	const dmr_status status = failed ? write->failure : static_cast<dmr_status>(DMR_STS_OK);

	all.p_.note_remapped(ticket.records.first(ticket.committed), write->sector);
	if (failed && all.goes_on(ticket)) {
		{
			SpinGuard guard(all.lock_);

			write->next = all.returning_;
			__atomic_store_n(&all.returning_, write, __ATOMIC_RELAXED);
		}
		all.owner_.serve_again(all.owner_.context, req);
		return;
	}
	all.give_back(write);
	all.owner_.end(all.owner_.context, req, range, status);
}

bool DeferredWrites::return_to(Job &job)
{
	Write *found = nullptr;

	// The queue's lock lies between the two.
	if (!__atomic_load_n(&returning_, __ATOMIC_RELAXED))
		return false;
	{
		SpinGuard guard(lock_);

		Write **at = &returning_;

		while (*at && (*at)->req != job.req)
			at = &(*at)->next;
		found = *at;
		if (!found)
			return false;
		__atomic_store_n(at, found->next, __ATOMIC_RELAXED);
	}
	WorkerSpace &space = *job.space;

	space.begin_piece();
	// What was to be relocated: the records said where it had gone.
	for (const dmr_record &record : found->ticket.records)
		space.bad.add(static_cast<uint32_t>(record.main_block - found->piece.value), record.length);
	job.range = found->range;
	job.failure = found->failure;
	job.deadline = found->deadline;
	job.piece = found->piece;
	job.returned = true;
	give_back(found);
	return true;
}

} // namespace dm_remap
