// SPDX-License-Identifier: GPL-2.0
#include "host/target.hh"

#include "shim/inflight_protocol.h"

#include <algorithm>
#include <cerrno>

extern "C" {
extern const struct dmr_metadata_ops dmr_metadata_operations;
extern const struct dmr_spare_pool_ops dmr_spare_pool_operations;
extern const struct dmr_reassembly_ops dmr_reassembly_operations;
}

namespace dm_remap::host {

Target::Target(const std::string &name, const TableOptions &options) : instance_(name), options_(options) {}

int Target::construct(const Target *live, std::string *reason)
{
	char text[DMR_REASON_SIZE] = "";

	params_ = std::make_unique<dmr_engine_params>();
	params_->inst = &instance_;
	params_->main = options_.main;
	params_->sectors = options_.sectors ? options_.sectors : options_.main->sectors();
	std::copy(options_.members.begin(), options_.members.end(), params_->members);
	params_->member_count = static_cast<uint32_t>(options_.members.size());
	params_->read_retries = options_.read_retries;
	params_->max_workers = options_.max_workers;
	params_->max_extents = options_.max_extents;
	params_->main_id = options_.main_id.empty() ? nullptr : options_.main_id.c_str();
	params_->format = options_.format;
	params_->new_main = options_.new_main;
	params_->degraded = options_.degraded;
	params_->force = options_.force;
	params_->read_only = options_.read_only;
	params_->members_live = live != nullptr;
	params_->main_live = live && live->served() && live->options().main == options_.main;
	if (params_->main_live)
		std::copy_n(dmr_engine_setup(live->engine_)->set_uuid, DMR_UUID_SIZE, params_->live_set);
	params_->name = instance_.name.c_str();
	params_->metadata = &dmr_metadata_operations;
	params_->pool = &dmr_spare_pool_operations;
	params_->reassembly = &dmr_reassembly_operations;
	params_->gate = &gate_;
	const int err = dmr_engine_create(params_.get(), &engine_, text);
	params_.reset();
	*reason = text;
	if (err)
		engine_ = nullptr;
	return err;
}

void Target::destruct()
{
	World *world = World::current();

	if (!engine_ || !world || world->boots() != instance_.boot || !world->powered())
		return;
	if (running_)
		postsuspend();
	dmr_engine_destroy(engine_);
	engine_ = nullptr;
}

int Target::resume(const std::string &name, std::string *reason)
{
	char text[DMR_REASON_SIZE] = "";

	started_ = true;
	const int err = dmr_engine_resume(engine_, name.c_str(), text);

	*reason = text;
	if (err)
		return err;
	dmr_engine_begin(engine_);
	running_ = served_ = true;
	return 0;
}

void Target::postsuspend()
{
	dmr_engine_postsuspend(engine_);
	running_ = false;
}

void Target::wait_idle()
{
	while (under_way_) {
		if (!World::current()->scheduler().wait(idle_))
			return;
	}
}

Target::Piece &Target::take_piece(UserIo &io)
{
	if (free_pieces_.empty()) {
		pieces_.push_back(std::make_unique<Piece>());
		free_pieces_.push_back(pieces_.back().get());
	}
	Piece &p = *free_pieces_.back();
	free_pieces_.pop_back();

	p = Piece();
	p.target = this;
	p.io = &io;
	p.req.context = &p;
	p.req.user = p.below.user = &io;
	p.req.ended = [](dmr_request *req, dmr_status status) {
		Piece *piece = static_cast<Piece *>(req->context);

		piece->state = State::Ended;
		piece->target->finish(*piece, status);
	};
	p.below.context = &p;
	p.below.done = [](DeviceIo *below) {
		Piece *piece = static_cast<Piece *>(below->context);

		piece->target->end_io(*piece, below->status);
	};
	io.parts++;
	under_way_++;
	World::current()->outstanding++;
	return p;
}

void Target::submit(UserIo &io)
{
	World &world = *World::current();

	world.trace("submit", io.op, io.sector, io.sectors);
	io.status = DMR_STS_OK;
	io.parts = 1; // this function's own, so that the I/O does not end before all of it is mapped
	under_way_++;
	if (io.op == DMR_OP_FLUSH) {
		map_flush(io);
	} else if (io.op == DMR_OP_DISCARD && !options_.main->options().discards) {
		io.status = DMR_STS_NOTSUPP;
	} else {
		for (uint32_t done = 0; done < io.sectors;) {
			if (done)
				world.scheduler().maybe_switch();
			done += map(io, io.sector + done, io.sectors - done);
		}
	}
	if (--io.parts == 0)
		io.done(io);
	if (--under_way_ == 0)
		world.scheduler().wake_all(idle_);
}

void Target::map_flush(UserIo &io)
{
	Piece &p = take_piece(io);

	p.req.info.op = DMR_OP_FLUSH;
	if (dmr_engine_flush_needs_worker(engine_)) {
		p.state = State::Slow;
		dmr_engine_enqueue_flush(engine_, &p.req);
		return;
	}
	p.state = State::Flush;
	p.below.op = DMR_OP_FLUSH;
	options_.main->start(&p.below);
}

uint32_t Target::map(UserIo &io, uint64_t sector, uint32_t sectors)
{
	Piece &p = take_piece(io);
	dmr_route route;

	{
		RcuGuard guard;

		guard.maybe_switch();
		p.epoch = dmr_inflight_enter(&instance_.inflight);
		guard.maybe_switch();
		// Of all but plain reads and writes the engine is asked at once.
		if ((io.op == DMR_OP_READ || io.op == DMR_OP_WRITE) && !(io.flags & DMR_IO_FUA) && dmr_gate_open(&gate_, sector, sectors))
			route = {sector, sectors, DMR_WHERE_MAIN, 0};
		else
			route = dmr_engine_route(engine_, io.op, sector, sectors);
		guard.maybe_switch();
	}
	if (route.sectors == 0 || route.sectors > sectors) {
		World::current()->violation("a route covers " + std::to_string(route.sectors) + " sectors of " +
					    std::to_string(sectors));
		route.sectors = sectors;
	}
	World::current()->trace("route", sector, route.sectors, uint64_t(route.where) << 32 | route.member);

	p.req.info = {io.op, sector, route.sectors, io.flags, 0, DMR_STS_OK};
	p.req.data = io.data ? static_cast<uint8_t *>(io.data) + (sector - io.sector) * 512 : nullptr;
	p.below.op = io.op;
	p.below.user_sector = sector;
	p.below.sector = route.sector;
	p.below.sectors = route.sectors;
	p.below.flags = io.flags;
	p.below.data = p.req.data;
	const uint32_t covered = route.sectors;

	if (route.where == DMR_WHERE_MAIN) {
		p.state = State::OnMain;
		if (io.flags & DMR_IO_FUA && dmr_engine_flushes_behind(engine_, &p.req.info.main_moment)) {
			p.state = State::OnMainFua;
			p.below.flags &= ~uint32_t{DMR_IO_FUA};
		}
		options_.main->start(&p.below);
	} else if (route.where == DMR_WHERE_SPARE) {
		dmr_engine_member_device(engine_, route.member)->announce(&p.below);
		// No lock holds the member here, nothing but that this I/O counts as in flight.
		World::current()->scheduler().maybe_stall();
		dmr_device *dev = dmr_engine_member_device(engine_, route.member);
		dmr_device_info info;

		if (!dev) {
			World::current()->violation("a member is gone while I/O is on its way to it");
			dmr_inflight_leave(&instance_.inflight, p.epoch);
			finish(p, DMR_STS_IOERR);
			return covered;
		}
		p.state = State::OnSpare;
		p.member = route.member;
		dev->describe(&info);
		if (io.op == DMR_OP_DISCARD && !info.discards)
			end_io(p, DMR_STS_OK);
		else
			dev->start(&p.below);
	} else {
		p.state = State::Slow;
		dmr_inflight_leave(&instance_.inflight, p.epoch);
		dmr_engine_enqueue(engine_, &p.req);
	}
	return covered;
}

void Target::end_io(Piece &p, dmr_status status)
{
	const bool on_main = p.state != State::OnSpare;
	const bool write = p.req.info.op != DMR_OP_READ && p.req.info.op != DMR_OP_FLUSH;

	if (!on_main && write)
		dmr_engine_spare_write_ended(engine_, p.member, status, p.req.info.flags);
	if (p.state != State::Flush)
		dmr_inflight_leave(&instance_.inflight, p.epoch);
	if (!status && p.state == State::OnMainFua) {
		dmr_engine_enqueue_fua(engine_, &p.req);
		return;
	}
	if (!status || !dmr_engine_wants_failed(engine_, p.req.info.op, status,
						p.req.info.op == DMR_OP_READ && p.io->optional)) {
		finish(p, status);
		return;
	}
	p.state = State::Slow;
	p.req.info.failed = status;
	dmr_engine_enqueue(engine_, &p.req);
}

void Target::finish(Piece &p, dmr_status status)
{
	UserIo &io = *p.io;

	if (status && !io.status)
		io.status = status;
	World::current()->outstanding--;
	free_pieces_.push_back(&p);
	if (--io.parts == 0)
		io.done(io);
	if (--under_way_ == 0)
		World::current()->scheduler().wake_all(idle_);
}

} // namespace dm_remap::host
