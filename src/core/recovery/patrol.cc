// SPDX-License-Identifier: GPL-2.0
// Patrol, its course: what messages ask for, how far it is, when it rests. What it reads is in patrol_reads.cc.
#include "core/recovery/patrol.hh"

#include <new>

namespace dm_remap {

namespace {

constexpr uint64_t second_ns = 1'000'000'000;
// While others use the disk: it reads so long, then rests so many times that, but no longer than most_rest_ns. Of a moving head's time a
// burst costs them two seeks as well.
constexpr uint64_t burst_ns = 20'000'000;
constexpr uint64_t rest_factor = 63;
constexpr uint64_t most_rest_ns = 60 * second_ns;
// For so long nobody else has used the disk: it is idle.
constexpr uint64_t quiet_ns = 100'000'000;
// Its position is recorded so often.
constexpr uint64_t keep_ns = 300 * second_ns;

bool same(const dmr_patrol_record &a, const dmr_patrol_record &b)
{
	return a.at == b.at && a.begun == b.begun && a.ended == b.ended && a.rate == b.rate && a.state == b.state;
}

} // namespace

// ---- life ----

Error Patrol::init(const Config &config)
{
	c_ = config;
	worker_ = dmr_workers_create("dmr_patrol", 1, run, this);
	told_ = dmr_cond_create("dmr patrol");
	if (!worker_ || !told_)
		return Error(ENOMEM);
	return lock_.init("dmr patrol");
}

void Patrol::destroy()
{
	if (worker_)
		dmr_workers_destroy(worker_);
	dmr_scratch_free(scratch_);
	if (buffer_)
		dmr_io_buffer_free(buffer_, piece_bytes);
	if (space_)
		space_->release(c_.block_size.bytes(), physical_bytes());
	dmr_free(space_);
	if (told_)
		dmr_cond_destroy(told_);
	lock_.destroy();
}

// Most devices never need it. What is there already is kept for the next attempt.
Error Patrol::allocate()
{
	if (!scratch_)
		scratch_ = dmr_scratch_alloc(most_sectors);
	if (!buffer_)
		buffer_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(piece_bytes));
	if (!space_) {
		space_ = static_cast<WorkerSpace *>(dmr_alloc(sizeof(WorkerSpace)));
		if (space_)
			new (space_) WorkerSpace;
	}
	if (!scratch_ || !buffer_ || !space_)
		return Error(ENOMEM);
	return space_->allocate(c_.block_size.bytes(), physical_bytes());
}

void Patrol::load(const dmr_patrol_record &record, bool may_run)
{
	MutexGuard guard(lock_);

	record_ = kept_ = record;
	kept_ns_ = dmr_now_ns();
	may_run_ = may_run;
}

void Patrol::hold()
{
	{
		MutexGuard guard(lock_);

		held_ = true;
		dmr_cond_wake_all(told_);
	}
	dmr_workers_drain(worker_);
}

void Patrol::close()
{
	{
		MutexGuard guard(lock_);

		closed_ = true;
	}
	hold();
}

void Patrol::release()
{
	MutexGuard guard(lock_);

	closed_ = false;
	held_ = !may_run_;
	if (wanted() && allocate()) {
		record_.state = DMR_PATROL_PAUSED;
		dmr_log(c_.inst, DMR_LOG_WARN, "not enough memory to go on with the scrub: it pauses at sector %llu, 'scrub resume' goes on", Sectors(record_.at).print());
	}
	dmr_worker_start(worker_, 0);
}

// ---- messages ----

// Caller holds the lock. The worker records it also where it may not read.
void Patrol::changed()
{
	dmr_cond_wake_all(told_);
	if (!closed_)
		dmr_worker_start(worker_, 0);
}

Error Patrol::start()
{
	MutexGuard guard(lock_);

	if (record_.state != DMR_PATROL_NONE)
		return Error(EBUSY);
	if (Error error = allocate())
		return error;
	record_ = { .at = 0, .begun = dmr_wall_seconds(), .ended = record_.ended, .rate = record_.rate, .state = DMR_PATROL_RUNNING };
	pass_++;
	counts_ = {};
	begins_ = true;
	changed();
	return Error::none();
}

Error Patrol::stop()
{
	MutexGuard guard(lock_);

	if (record_.state == DMR_PATROL_NONE)
		return Error(ENOENT);
	dmr_log(c_.inst, DMR_LOG_INFO, "the scrub is stopped at sector %llu", Sectors(record_.at).print());
	record_.state = DMR_PATROL_NONE;
	record_.at = 0;
	pass_++;
	begins_ = false;
	changed();
	dmr_event(c_.inst, DMR_EVENT_SCRUB_ENDED);
	return Error::none();
}

Error Patrol::pause()
{
	MutexGuard guard(lock_);

	if (record_.state != DMR_PATROL_RUNNING)
		return Error(ENOENT);
	record_.state = DMR_PATROL_PAUSED;
	changed();
	return Error::none();
}

Error Patrol::resume()
{
	MutexGuard guard(lock_);

	if (record_.state != DMR_PATROL_PAUSED)
		return Error(ENOENT);
	if (Error error = allocate())
		return error;
	record_.state = DMR_PATROL_RUNNING;
	changed();
	return Error::none();
}

void Patrol::set_rate(uint32_t sectors_per_second)
{
	MutexGuard guard(lock_);

	record_.rate = sectors_per_second;
	changed();
}

Patrol::Progress Patrol::progress() const
{
	MutexGuard guard(lock_);

	return { record_, waits_, counts_ };
}

// ---- the worker ----

void Patrol::run(void *context, unsigned int)
{
	static_cast<Patrol *>(context)->patrol();
}

void Patrol::patrol()
{
	for (;;) {
		bool goes, begins;
		uint64_t number;

		keep();
		{
			MutexGuard guard(lock_);

			goes = wanted();
			number = pass_;
			begins = begins_;
			begins_ = false;
		}
		if (begins) {
			dmr_log(c_.inst, DMR_LOG_INFO, "a scrub begins: all of main is read, and what lives on spares");
			dmr_event(c_.inst, DMR_EVENT_SCRUB_BEGUN);
		}
		if (!goes)
			return;
		pass(number);
	}
}

bool Patrol::goes_on(uint64_t number)
{
	MutexGuard guard(lock_);

	return wanted(number);
}

// From where it is to its end, or until something else is wanted.
void Patrol::pass(uint64_t number)
{
	if (!enter_disk(number))
		return;
	others_use_disk();
	shared_ = false;
	burst_ns_ = 0;
	paced_rate_ = 0;
	works_for_ = number;
	to_pace_ = 0;
	MainBlock at = position();

	while (goes_on(number)) {
		if (at >= c_.end) {
			finish(number);
			break;
		}
		const uint64_t begun = dmr_now_ns();
		MainBlock next = at;

		if (c_.map->failed()) {
			pause_for("the metadata can no longer be written", number);
			break;
		}
		const char *trouble = read_at(at, next, number);

		if (!come_to(next, number))
			break;
		if (trouble) {
			pause_for(trouble, number);
			break;
		}
		const uint64_t took = dmr_now_ns() - begun;

		at = next;
		if (dmr_now_ns() - kept_ns_ >= keep_ns)
			keep();
		give_way(took, number);
		keep_to_rate(number);
	}
	dmr_disk_leave(c_.main);
}

MainBlock Patrol::position() const
{
	MutexGuard guard(lock_);

	return c_.block_size.main_block(Sectors(record_.at));
}

// All before `at` has been read. False: not for this pass.
bool Patrol::come_to(MainBlock at, uint64_t number)
{
	MutexGuard guard(lock_);

	if (pass_ != number)
		return false;
	record_.at = c_.block_size.to_sectors(at).value;
	return true;
}

void Patrol::finish(uint64_t number)
{
	MutexGuard guard(lock_);

	if (pass_ != number)
		return;
	record_.state = DMR_PATROL_NONE;
	record_.at = 0;
	record_.ended = dmr_wall_seconds();
	pass_++;
	auto sectors = [&](uint64_t blocks) { return c_.block_size.to_sectors(Blocks(blocks)).print(); };

	dmr_log(c_.inst, DMR_LOG_INFO, "the scrub is complete: %llu sectors rescued, %llu became pending, %llu moved to other spare blocks, %llu cannot be read on spares",
		sectors(counts_.rescued), sectors(counts_.pending), sectors(counts_.spare_moved), sectors(counts_.spare_unreadable));
	dmr_event(c_.inst, DMR_EVENT_SCRUB_ENDED);
}

void Patrol::pause_for(const char *reason, uint64_t number)
{
	MutexGuard guard(lock_);

	if (pass_ != number || record_.state != DMR_PATROL_RUNNING)
		return;
	record_.state = DMR_PATROL_PAUSED;
	dmr_log(c_.inst, DMR_LOG_ERR, "the scrub pauses at sector %llu: %s; 'scrub resume' goes on from there", Sectors(record_.at).print(), reason);
	dmr_event(c_.inst, DMR_EVENT_SCRUB_ENDED);
}

// False: something else is wanted meanwhile.
bool Patrol::enter_disk(uint64_t number)
{
	bool entered = dmr_disk_enter(c_.main);

	while (!entered) {
		MutexGuard guard(lock_);

		if (!wanted(number))
			break;
		waits_ = true;
		dmr_cond_wait_until(told_, lock_.handle(), dmr_now_ns() + second_ns);
		entered = dmr_disk_enter(c_.main);
	}
	MutexGuard guard(lock_);

	waits_ = false;
	return entered;
}

void Patrol::keep()
{
	const dmr_patrol_record record = progress().record;

	kept_ns_ = dmr_now_ns();
	if (same(record, kept_))
		return;
	kept_ = record;
	c_.map->keep_patrol(record);
}

// ---- its pace ----

// Has anybody but the patrol used main's disk since the last call?
bool Patrol::others_use_disk()
{
	const uint64_t now = dmr_disk_activity(c_.main);
	const bool others = now - activity_ > own_sectors_;

	activity_ = now;
	own_sectors_ = 0;
	return others;
}

void Patrol::give_way(uint64_t took_ns, uint64_t number)
{
	// What it took to look closer was its own, and says nothing of others.
	if (!looked_closer_)
		shared_ = others_use_disk();
	else
		others_use_disk();
	looked_closer_ = false;
	burst_ns_ = shared_ ? burst_ns_ + took_ns : 0;
	if (burst_ns_ < burst_ns)
		return;
	const uint64_t wanted_ns = burst_ns_ * rest_factor;

	burst_ns_ = 0;
	rest(dmr_now_ns() + (wanted_ns < most_rest_ns ? wanted_ns : most_rest_ns), number, true);
}

void Patrol::keep_to_rate(uint64_t number)
{
	const uint32_t rate = progress().record.rate;
	const uint64_t now = dmr_now_ns(), sectors = to_pace_;

	to_pace_ = 0;
	if (rate == 0)
		return;
	// What was not read while it rested is not made up for.
	if (rate != paced_rate_ || now > paced_ns_ + second_ns) {
		paced_rate_ = rate;
		paced_ns_ = now;
	}
	paced_ns_ += sectors * second_ns / rate;
	rest(paced_ns_, number, false);
}

// for_others: not beyond the moment when they have left the disk alone for a while.
void Patrol::rest(uint64_t until_ns, uint64_t number, bool for_others)
{
	for (;;) {
		const uint64_t now = dmr_now_ns(), slice = now + (for_others ? quiet_ns : second_ns);

		if (now >= until_ns)
			return;
		{
			MutexGuard guard(lock_);

			if (!wanted(number) || !dmr_cond_wait_until(told_, lock_.handle(), slice < until_ns ? slice : until_ns))
				return;
		}
		if (for_others && slice <= until_ns && !others_use_disk())
			return;
	}
}

} // namespace dm_remap
