// SPDX-License-Identifier: GPL-2.0
#include "core/engine/engine.hh"

#include <dm_remap/health.hh>

#include <new>

namespace dm_remap {

static_assert(RangeTable::slots > 2 * RequestQueue::max_workers + DeferredWrites::most, "with every slot taken a request waits for any holder");

// ---- life ----

Error Engine::create(const dmr_engine_params &params, char *reason)
{
	p_ = params;
	dmr_format(name_, sizeof(name_), "%s", params.name);
	p_.name = name_;
	if (Error error = set_.assemble(p_, reason))
		return error;
	p_.main_id = nullptr; // the caller's
	if (Error error = set_.place_members(members_, reason))
		return error;
	block_size_ = set_.block_size();
	physical_ = set_.physical_blocks();
	if (Error error = init_parts(reason))
		return error;
	// Refuse here what would leave the device suspended without a table at resume. A table that is live on these
	// members appends to their logs meanwhile: then its own load vouches for them.
	if (set_.to_format() || p_.members_live)
		return Error::none();
	if (Error error = map_.load(false, reason))
		return error;
	if (set_.main_is_new()) {
		if (Error error = map_.fits_checkpoint(reason))
			return error;
	}
	if (Error error = main_holds_map(reason))
		return error;
	guard_seen_ = true;
	return look_at_guard(reason);
}

Error Engine::init_parts(char *reason)
{
	Blocks main_blocks = block_size_.to_blocks(Sectors(p_.sectors));
	persistent_ = static_cast<Persistent *>(dmr_instance_persistent(p_.inst, sizeof(Persistent)));

	spaces_ = static_cast<WorkerSpace *>(dmr_alloc(sizeof(WorkerSpace) * p_.max_workers));
	dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the device");
	if (!persistent_ || !spaces_)
		return Error(ENOMEM);
	for (uint32_t i = 0; i < p_.max_workers; i++) {
		new (&spaces_[i]) WorkerSpace;
		if (Error error = spaces_[i].allocate(block_size_.bytes(), physical_bytes()))
			return error;
	}
	if (Error error = counters_.init(&persistent_->counters))
		return error;
	if (Error error = ranges_.init(p_.gate->taken))
		return error;
	if (Error error = flush_state_.init())
		return error;
	if (Error error = main_flush_.init(p_.inst, p_.main, &flush_state_))
		return error;
	if (Error error = queue_.init("dmr_recovery", p_.max_workers, serve, this))
		return error;
	if (Error error = flush_queue_.init("dmr_flush", 1, serve_flush, this))
		return error;
	if (Error error = fua_queue_.init("dmr_fua", 1, serve_fua, this))
		return error;
	Error error = map_.init({ .inst = p_.inst,
				    .block_size = block_size_,
				    .main_blocks = main_blocks,
				    .members = &members_,
				    .read_only = p_.read_only,
				    .metadata = p_.metadata,
				    .pool = p_.pool,
				    .counters = &counters_,
				    .flush_state = &flush_state_,
				    .gate = p_.gate },
				  setup(), reason);

	if (error)
		return error;
	const RecoveryParts parts = { .inst = p_.inst,
				      .main = p_.main,
				      .block_size = block_size_,
				      .physical = physical_,
				      .members = &members_,
				      .read_retries = p_.read_retries,
				      .read_only = p_.read_only,
				      .map = &map_,
				      .main_test = &main_test_,
				      .main_flush = &main_flush_,
				      .flush_state = &flush_state_,
				      .deferred = &deferred_,
				      .counters = &counters_ };

	recovery_.init(parts);
	error = deferred_.init(parts, recovery_.io(), { .end = end, .serve_again = serve_again, .context = this });
	if (error)
		return error;
	error = main_test_.init({ .inst = p_.inst,
				  .main = p_.main,
				  .block_size = block_size_,
				  .main_blocks = main_blocks,
				  .map = &map_,
				  .ranges = &ranges_,
				  .queue = &queue_,
				  .main_flush = &main_flush_ });
	if (error)
		return error;
	guard_.init({ .main = p_.main, .block_size = block_size_, .map = &map_ });
	error = mover_.init({ .inst = p_.inst,
			      .block_size = block_size_,
			      .physical = physical_,
			      .map = &map_,
			      .ranges = &ranges_,
			      .queue = &queue_,
			      .move = &recovery_.move(),
			      .guard = &guard_ });
	if (error)
		return error;
	return patrol_.init({ .inst = p_.inst,
			      .main = p_.main,
			      .end = MainBlock(0) + main_blocks,
			      .block_size = block_size_,
			      .physical = physical_,
			      .map = &map_,
			      .ranges = &ranges_,
			      .queue = &queue_,
			      .recovery = &recovery_ });
}

void Engine::destroy()
{
	// The patrol, the mover and the queues first: their workers use all the rest.
	patrol_.destroy();
	mover_.destroy();
	queue_.destroy();
	flush_queue_.destroy();
	fua_queue_.destroy();
	deferred_.destroy();
	map_.destroy();
	main_test_.destroy();
	main_flush_.destroy();
	flush_state_.destroy();
	ranges_.destroy();
	counters_.destroy();
	for (uint32_t i = 0; spaces_ && i < p_.max_workers; i++)
		spaces_[i].release(block_size_.bytes(), physical_bytes());
	dmr_free(spaces_);
	set_.destroy();
}

Error Engine::resume(const char *name, char *reason)
{
	dmr_format(name_, sizeof(name_), "%s", name);
	if (loaded_) {
		keep_setup();
		return Error::none();
	}
	if (!p_.read_only && !p_.format) {
		if (Error error = set_.still_blank(reason))
			return error;
	}
	if (set_.to_format()) {
		if (Error error = map_.format(reason))
			return error;
		set_.formatted();
	}
	flush_state_.inherit(persistent_->lost_flushes);
	// What an earlier table wrote to a spare, and its user did not flush, may still be in the spare's cache.
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (members_.present(i))
			flush_state_.written(i);
	}
	Error error = map_.load(true, reason);

	// Beside a live table the constructor has not seen the map.
	if (!error && !guard_seen_)
		error = look_at_guard(reason);
	if (!error)
		error = leave_old_main(reason);
	if (error) {
		// Mending may have cost it.
		persistent_->lost_flushes = flush_state_.untold();
		return error;
	}
	flush_state_.in_use(in_use(map_.spares().known()));
	keep_setup();
	loaded_ = true;
	tell_reach();
	tell_guard();
	watch_pool();
	patrol_.load(setup().patrol, !p_.read_only);
	return Error::none();
}

void Engine::begin()
{
	__atomic_store_n(&suspended_, false, __ATOMIC_RELAXED);
	mover_.unpause();
	patrol_.release();
}

void Engine::postsuspend()
{
	__atomic_store_n(&suspended_, true, __ATOMIC_RELAXED);
	patrol_.close();
	mover_.pause();
	queue_.drain();
	flush_queue_.drain();
	fua_queue_.drain();
	persistent_->lost_flushes = flush_state_.untold();
}

// How far the pool reaches; the rule of thumb is 2 to 5 % of main.
void Engine::tell_reach()
{
	dmr_pool_usage usage = map_.spares().usage(DMR_MAX_MEMBERS);
	uint64_t permille = usage.total * block_size_.sectors() * 1000 / p_.sectors;

	dmr_log(p_.inst, DMR_LOG_INFO, "%llu spare blocks of %u bytes, %llu.%llu %% of main, %llu of them free; the map holds up to %llu extents",
		static_cast<unsigned long long>(usage.total), block_size_.bytes(), static_cast<unsigned long long>(permille / 10),
		static_cast<unsigned long long>(permille % 10), static_cast<unsigned long long>(usage.free),
		static_cast<unsigned long long>(map_.max_extents()));
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (setup().members[i].state != DMR_MEMBER_ABSENT && !members_.present(i))
			dmr_log(p_.inst, DMR_LOG_WARN, "spare %u is missing: blocks that live on it fail until they are written", i);
	}
}

// ---- the I/O path ----

bool Engine::wants_failed(dmr_op op, dmr_status status, bool optional)
{
	if (op == DMR_OP_FLUSH) {
		main_flush_.failed();
		counters_.flush_error();
		dmr_log_later(p_.inst, DMR_LOG_ERR, "main failed a flush (status %u): data written since the last one may be lost; turn main's volatile cache off", status);
		dmr_event(p_.inst, DMR_EVENT_FLUSH_FAILED);
		return false;
	}
	// Advice that a device does not follow is no error of its media.
	if (op == DMR_OP_DISCARD || (op == DMR_OP_WRITE_ZEROES && status != DMR_STS_MEDIUM) || !may_be_media(status))
		return false;
	counters_.error(op);
	if (optional || (p_.read_only && op != DMR_OP_READ)) {
		counters_.unrecovered();
		return false;
	}
	return true;
}

void Engine::serve(void *context, dmr_request *req, uint32_t worker)
{
	Engine &e = *static_cast<Engine *>(context);
	Job job;

	dmr_request_describe(req, &job.info);
	job.req = req;
	job.start = e.block_size_.main_block(Sectors(job.info.sector));
	job.length = e.block_size_.to_blocks(Sectors(job.info.sectors));
	job.space = &e.spaces_[worker];
	// One that returns still holds its range.
	if (!e.deferred_.return_to(job)) {
		job.range = e.ranges_.take_or_park(job.start, job.length, req);
		if (job.range == RangeTable::none)
			return;
		e.counters_.add(&CounterValues::slow_requests, 1);
	}
	dmr_status status = e.recovery_.serve(job);

	if (!job.left)
		end(&e, req, job.range, status);
}

void Engine::end(void *context, dmr_request *req, uint32_t range, dmr_status status)
{
	Engine &e = *static_cast<Engine *>(context);

	e.queue_.push_front(e.ranges_.release(range));
	if (status == DMR_STS_OK)
		e.counters_.served_well();
	else
		e.counters_.unrecovered();
	e.watch_pool();
	dmr_request_end(req, status);
}

void Engine::serve_again(void *context, dmr_request *req)
{
	dmr_request_set_next(req, nullptr);
	static_cast<Engine *>(context)->queue_.push_front(req);
}

void Engine::end_all(dmr_request *first, dmr_status status)
{
	while (first) {
		dmr_request *next = dmr_request_next(first);

		dmr_request_end(first, status);
		first = next;
	}
}

// Of these members those on which something lives. What users wrote to another one has been stored durably elsewhere since,
// as it was before any flush there failed.
uint32_t Engine::in_use(uint32_t members)
{
	for (uint32_t i = 0; i < MemberList::slots; i++) {
		if (!(members & 1u << i))
			continue;
		dmr_pool_usage usage = map_.spares().usage(i);

		// A block that is bad may still hold the last of what lives there: it counts as bad, not as used.
		if (usage.used + usage.bad == 0)
			members &= ~(1u << i);
	}
	return members;
}

// To main alone only if nothing else is to be flushed, and if a flush of main that nobody waits for cannot come before it.
bool Engine::flush_needs_worker() const
{
	return !flush_state_.clean() || main_flush_.is_behind();
}

// One flush serves all that wait for one.
void Engine::serve_flush(void *context, dmr_request *req, uint32_t)
{
	Engine &e = *static_cast<Engine *>(context);

	dmr_request_set_next(req, e.flush_queue_.take_all());
	// Both before and after the flush: what it has lost could be moved elsewhere meanwhile, or the first block come there.
	uint32_t used = e.in_use(e.map_.spares().known());
	uint32_t members = e.flush_state_.begin();
	dmr_status status = e.main_flush_.flush(FlushState::For::user), spare_status = DMR_STS_IOERR;
	uint32_t refused = e.flush_state_.flush(e.members_, members, FlushState::For::user, spare_status);
	uint32_t failed = refused & (used | e.in_use(refused));
	uint32_t lost = e.flush_state_.to_tell();
	bool by_spare = (failed | lost) & ~FlushState::main_bit;

	if (by_spare)
		status = spare_status;
	else if (lost && status == DMR_STS_OK)
		status = DMR_STS_IOERR;
	if (status != DMR_STS_OK) {
		e.counters_.flush_error();
		dmr_log(e.p_.inst, DMR_LOG_ERR, "%s failed a flush (status %u): data written since the last one may be lost",
			by_spare ? "a spare" : "main", status);
		dmr_event(e.p_.inst, DMR_EVENT_FLUSH_FAILED);
	} else {
		e.counters_.served_well();
	}
	if (refused != failed)
		dmr_log(e.p_.inst, DMR_LOG_WARN, "a spare on which nothing lives failed a flush (status %u): nothing is lost", spare_status);
	end_all(req, status);
	// Whoever submitted a flush before anybody had heard of the failure counts on what is lost, too; and until then none goes
	// to main alone.
	if (status != DMR_STS_OK)
		end_all(e.flush_queue_.take_all(), status);
	e.flush_state_.end(members, failed);
}

// Writes that were sent to main without their FUA, and that it took. One flush serves all that wait for one.
void Engine::serve_fua(void *context, dmr_request *req, uint32_t)
{
	Engine &e = *static_cast<Engine *>(context);

	dmr_request_set_next(req, e.fua_queue_.take_all());
	const dmr_status flushed = e.main_flush_.flush(FlushState::For::engine);

	if (flushed != DMR_STS_OK)
		e.counters_.flush_error();
	while (req) {
		dmr_request *next = dmr_request_next(req);
		dmr_request_info info;

		dmr_request_describe(req, &info);
		dmr_request_end(req, e.main_flush_.outcome(flushed, info.main_moment));
		req = next;
	}
}

// ---- what the administrator is told ----

dmr_mode Engine::mode() const
{
	if (map_.failed())
		return DMR_MODE_METADATA_FAILED;
	if (main_test_.state() == MainTest::State::gone)
		return DMR_MODE_MAIN_GONE;
	if (main_test_.state() == MainTest::State::read_only)
		return DMR_MODE_MAIN_READ_ONLY;
	return p_.read_only ? DMR_MODE_READ_ONLY : DMR_MODE_OK;
}

// An event when the pool falls below a quarter, and below a tenth.
void Engine::watch_pool()
{
	dmr_pool_usage usage = map_.spares().usage(DMR_MAX_MEMBERS);
	uint64_t left = usage.free;
	uint32_t level = left * 10 < usage.total ? 2 : left * 4 < usage.total ? 1 : 0;
	uint32_t before = __atomic_load_n(&pool_level_, __ATOMIC_RELAXED);

	// Without metadata no block can be given out, and that has been said.
	if (level == before || map_.failed())
		return;
	__atomic_store_n(&pool_level_, level, __ATOMIC_RELAXED);
	if (level < before)
		return;
	dmr_log(p_.inst, DMR_LOG_WARN, "%llu of %llu spare blocks are left", static_cast<unsigned long long>(left),
		static_cast<unsigned long long>(usage.total));
	dmr_event(p_.inst, DMR_EVENT_SPARE_LOW);
}

void Engine::snapshot(dmr_snapshot &out)
{
	out = {};
	counters_.snapshot(out);
	map_.snapshot(out);
	out.main_sectors = p_.sectors;
	out.mode = mode();
	if (out.mode < DMR_MODE_SPARE_EXHAUSTED && out.spare_sectors_free == 0)
		out.mode = DMR_MODE_SPARE_EXHAUSTED;
	if (out.mode < DMR_MODE_MAP_FULL && map_.room() < DurableMap::most_added)
		out.mode = DMR_MODE_MAP_FULL;
	out.health = health::score(out);
}

} // namespace dm_remap
