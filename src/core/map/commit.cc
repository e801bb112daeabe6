// SPDX-License-Identifier: GPL-2.0
// DurableMap's commits. The order of the steps in lead_batch() is the durability of the whole device.
#include "core/map/durable_map.hh"

namespace dm_remap {

Error DurableMap::commit(CommitTicket &ticket)
{
	// So that what is durable can be applied, whatever memory there is then.
	Error error = spares_.prepare_bad(ticket.records);

	if (error || ticket.records.empty()) {
		if (ticket.announced)
			withdraw();
		return error;
	}

	MutexGuard guard(commit_lock_);
	const uint64_t own = enqueue(ticket);

	while (ended_ < own) {
		if (leading_ || wanting_ > 0)
			dmr_cond_wait(committed_, commit_lock_.handle());
		else
			lead(own, false);
	}
	return ticket.result;
}

void DurableMap::submit(CommitTicket &ticket)
{
	MutexGuard guard(commit_lock_);
	const uint64_t own = enqueue(ticket);

	while (ended_ < own) {
		if (!leading_ && wanting_ == 0) {
			lead(own, true);
		} else if (leading_ && !leaves_) {
			ticket.waited_for = false;
			return;
		} else {
			dmr_cond_wait(committed_, commit_lock_.handle());
		}
	}
}

// Answers its number. Caller holds commit_lock_.
uint64_t DurableMap::enqueue(CommitTicket &ticket)
{
	if (last_)
		last_->next = &ticket;
	else
		first_ = &ticket;
	last_ = &ticket;
	if (ticket.announced)
		one_less_to_come();
	return ++entered_;
}

// Batches, until the ticket of this number has ended and no other one is left that nobody waits for. stays: also if such go on
// coming, as long as nobody else wants to lead. Called and left with commit_lock_ held; released meanwhile.
void DurableMap::lead(uint64_t own, bool stays)
{
	leading_ = true;
	do {
		leaves_ = !stays || wanting_ > 0;
		lead_batch();
		leading_ = ended_ < own || any_left_alone();
		dmr_cond_wake_all(committed_);
	} while (leading_);
}

bool DurableMap::any_left_alone() const
{
	for (const CommitTicket *t = first_; t; t = t->next)
		if (!t->waited_for)
			return true;
	return false;
}

void DurableMap::announce()
{
	MutexGuard guard(commit_lock_);

	__atomic_store_n(&announced_, announced_ + 1, __ATOMIC_RELAXED);
}

void DurableMap::withdraw()
{
	MutexGuard guard(commit_lock_);

	one_less_to_come();
}

// Caller holds commit_lock_.
void DurableMap::one_less_to_come()
{
	__atomic_store_n(&announced_, announced_ - 1, __ATOMIC_RELAXED);
	if (announced_ == 0)
		dmr_cond_wake_all(arrived_);
}

// Those that were announced, for as long as the last batch took: whoever missed this one would wait for that long. Caller
// holds commit_lock_.
void DurableMap::gather()
{
	constexpr uint64_t most_ns = 100'000'000;

	if (announced_ == 0)
		return;
	uint64_t deadline = dmr_now_ns() + (batch_ns_ < most_ns ? batch_ns_ : most_ns);

	while (announced_ > 0 && dmr_now_ns() < deadline && !dmr_cond_wait_until(arrived_, commit_lock_.handle(), deadline))
		;
}

// One batch: at least one ticket moves on. Called and left with commit_lock_ held; released meanwhile.
void DurableMap::lead_batch()
{
	gather();

	uint64_t begun = dmr_now_ns();
	uint32_t wanted = waiting_records();
	uint32_t data_members = 0;
	Error error = Error::none();

	dmr_mutex_unlock(commit_lock_.handle());
	uint32_t credit = index_.prepare(wanted);

	// Bad blocks that became one run take less room than was counted.
	if (room() < most_added * wanted && bad_records_ > 0)
		bad_records_ = spares_.bad_runs();
	dmr_mutex_lock(commit_lock_.handle());

	uint32_t tickets = choose(credit < wanted ? credit : wanted, data_members);

	dmr_mutex_unlock(commit_lock_.handle());
	// (1) The data. (2) The records. (3) Publish.
	uint32_t failed_members = flush_data(data_members);
	uint32_t count = compose(tickets, failed_members);

	if (count > 0) {
		error = write_batch(count);
		publish(count, static_cast<bool>(error));
	}
	if (!failed() && metadata_ops_->wants_checkpoint(metadata_)) {
		if (Error failure = checkpoint())
			fail("a checkpoint", failure.negative());
	}
	dmr_mutex_lock(commit_lock_.handle());
	batch_ns_ = dmr_now_ns() - begun;

	CommitTicket *finished = take_finished(tickets, error);

	if (!finished)
		return;
	dmr_mutex_unlock(commit_lock_.handle());
	while (finished) {
		CommitTicket &ticket = *finished;

		finished = ticket.next;
		ticket.done(ticket.context);
	}
	dmr_mutex_lock(commit_lock_.handle());
}

// Of the first so many those that have come to their end leave the queue. Answers those of submit(), linked. Caller holds commit_lock_.
CommitTicket *DurableMap::take_finished(uint32_t tickets, Error error)
{
	CommitTicket *first = nullptr, **end = &first;

	for (; tickets > 0; tickets--) {
		CommitTicket &ticket = *first_;

		if (!ticket.result)
			settle(ticket, error);
		if (!ticket.result && ticket.committed < ticket.records.size())
			break; // the last one chosen; the rest of it goes with the next batch
		ended_++;
		first_ = ticket.next;
		if (!first_)
			last_ = nullptr;
		if (ticket.done) {
			*end = &ticket;
			end = &ticket.next;
		}
	}
	*end = nullptr;
	return first;
}

// Account for what the batch did with the part of the ticket that was taken into it.
void DurableMap::settle(CommitTicket &ticket, Error error)
{
	if (ticket.lost_members) {
		ticket.result = Error(EIO);
	} else if (error) {
		ticket.result = error;
		ticket.in_doubt = true;
	} else {
		ticket.committed += ticket.taken;
	}
	ticket.taken = 0;
}

uint32_t DurableMap::waiting_records() const
{
	size_t n = 0;

	for (const CommitTicket *t = first_; t && n < batch_capacity_; t = t->next)
		n += t->records.size() - t->committed;
	return static_cast<uint32_t>(n < batch_capacity_ ? n : batch_capacity_);
}

// So many entries more than now a checkpoint can have by this record. It replaces the extents that begin in its range by
// itself, and one that begins before and goes on behind is cut in two. Neighbours that become one make it fewer.
uint64_t DurableMap::added_by(const dmr_record &record) const
{
	MainBlock start(record.main_block), end = start + Blocks(record.length);
	uint64_t before = 0, after = record.kind == DMR_RECORD_CLEAR ? 0 : 1;
	Extent extent;

	if (record.kind == DMR_RECORD_BAD_SPARE)
		return 1;
	for (MainBlock at = start; index_.first_from(at, extent) && extent.start < end; at = extent.end()) {
		before += extent.start >= start;
		after += extent.end() > end;
	}
	return after > before ? after - before : 0;
}

// The sum holds whatever comes first, as no two records of a batch speak of the same block: each is of a range that its
// recovery holds, and of one recovery each has blocks of its own. All that one does to another's range is at its ends, to put a
// beginning there, or to leave nothing beyond, and that makes it no more.
uint64_t DurableMap::added_by(std::span<const dmr_record> records) const
{
	uint64_t sum = 0;

	for (const dmr_record &record : records)
		sum += added_by(record);
	return sum;
}

// Take up to `credit` records from the front of the queue; answers from how many tickets. A ticket that cannot be
// served gets its result here and counts too.
uint32_t DurableMap::choose(uint32_t credit, uint32_t &data_members)
{
	uint64_t room = this->room();
	uint32_t tickets = 0;

	// Not even the index's reserve is left: somebody has to give way, or the leader would turn for ever.
	if (credit == 0) {
		first_->result = Error(ENOMEM);
		return 1;
	}
	for (CommitTicket *t = first_; t && credit > 0; t = t->next) {
		uint32_t left = static_cast<uint32_t>(t->records.size()) - t->committed;
		uint64_t added = added_by(t->records.subspan(t->committed));

		tickets++;
		if (failed()) {
			t->result = Error(EIO);
			continue;
		}
		// What lived on a member that was given up meanwhile is lost, and its blocks there are nobody's.
		if (t->marks && !all_only_mark(t->records.subspan(t->committed))) {
			t->result = Error(ESTALE);
			continue;
		}
		// So that a checkpoint has room for what is durable, whenever it comes.
		if (room < added) {
			t->result = Error(ENOSPC);
			continue;
		}
		t->taken = left < credit ? left : credit;
		credit -= t->taken;
		room -= added;
		data_members |= t->data_members;
	}
	return tickets;
}

// Answers the members whose flush failed.
uint32_t DurableMap::flush_data(uint32_t members)
{
	dmr_status status = DMR_STS_OK;
	uint32_t failed = flush_state_->flush(*members_, members, FlushState::For::engine, status);

	for (uint32_t left = failed; left != 0; left &= left - 1) {
		const uint32_t i = static_cast<uint32_t>(__builtin_ctz(left));

		counters_->flush_error();
		dmr_log(inst_, DMR_LOG_ERR, "spare %u failed a flush (status %u): the remaps that wait for it fail", i, status);
		dmr_event(inst_, DMR_EVENT_FLUSH_FAILED);
	}
	return failed;
}

// Gather the taken records of the first `tickets` whose data is durable: the flush has succeeded, and none that failed has
// come between it and the data.
uint32_t DurableMap::compose(uint32_t tickets, uint32_t failed_members)
{
	CommitTicket *t = first_;
	uint32_t count = 0;

	for (uint32_t n = 0; n < tickets; n++) {
		// Others append behind the last chosen ticket meanwhile: its link is not ours to read.
		if (n > 0)
			t = t->next;
		t->lost_members = t->data_members & (failed_members | flush_state_->lost_since(t->data_moment));
		if (t->lost_members)
			continue;
		for (uint32_t i = 0; i < t->taken; i++)
			batch_[count++] = t->records[t->committed + i];
	}
	return count;
}

Error DurableMap::write_batch(uint32_t count)
{
	// On a device without FUA its writes are flushes too: as in checkpoint().
	MutexGuard others_wait = flush_state_->hold();
	int rc = metadata_ops_->append(metadata_, batch_, count);

	note_members();
	if (rc) {
		fail("a record", rc);
		return Error(EIO);
	}
	note_generation();
	counters_->add(&CounterValues::commits, 1);
	return Error::none();
}

// index_.prepare() and spares_.prepare_bad() have seen to it that nothing fails.
void DurableMap::publish(uint32_t count, bool in_doubt)
{
	for (uint32_t i = 0; i < count; i++) {
		const dmr_record &record = batch_[i];
		MainBlock start(record.main_block);
		Blocks length(record.length);
		Error error = Error::none();

		if (record.kind != DMR_RECORD_BAD_SPARE)
			filter_.add(start, length);
		bool clears = record.kind == DMR_RECORD_CLEAR;
		bool marks = only_marks(record);
		bool leaves = (record.kind == DMR_RECORD_MAP && !marks) || record.kind == DMR_RECORD_LOST || clears;

		// Whoever moves a block off a spare block has drained what was under way to it, and the move is durable.
		if (!in_doubt && leaves)
			release_replaced(start, length);
		if (!in_doubt)
			error = put_record(record);
		// Of a block that was pending main holds the only copy, cleared or not. One that was to be marked lives where it did.
		else if (clears ? any(ExtentKind::mapped, start, start + length) : leaves)
			error = index_.put({ start, length, ExtentKind::in_doubt, 0, SpareBlock(0) });
		if (error)
			dmr_log(inst_, DMR_LOG_ERR, "a durable record could not be applied (error %d); reload the table", error.negative());
	}
	index_.publish();
}

Error DurableMap::remember(std::span<const dmr_record> records)
{
	MutexGuard guard(commit_lock_);

	for (const dmr_record &record : records) {
		if (index_.prepare(1) == 0)
			return Error(ENOMEM);
		filter_.add(MainBlock(record.main_block), Blocks(record.length));
		if (Error error = put_record(record))
			return error;
		index_.publish();
	}
	return Error::none();
}

} // namespace dm_remap
