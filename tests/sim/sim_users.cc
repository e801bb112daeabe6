// SPDX-License-Identifier: GPL-2.0
// The users: each a fiber with one request after the other.
#include "sim_history.hh"

#include <algorithm>

#include <fmt/core.h>

namespace dm_remap::sim {

using namespace host;

void SimHistory::start_users()
{
	active_users_ = 0;
	for (User &u : users_) {
		u.active = true;
		active_users_++;
		world_.spawn("user", [this, p = &u] { user(*p); });
	}
}

void SimHistory::user(User &u)
{
	Scheduler &scheduler = world_.scheduler();

	while (quota_ > 0) {
		while (gate_ == Gate::closed)
			scheduler.wait(gate_opens_);
		if (quota_ == 0)
			break;
		quota_--;
		steps_done_++;
		draw_request(u);
		perform(u);
		if (random_.chance(1, 2))
			scheduler.sleep(random_.below(think_ns_));
	}
	u.active = false;
	if (--active_users_ == 0)
		scheduler.wake_all(users_end_);
}

void SimHistory::draw_place(UserIo &io)
{
	const uint64_t block = plan_.block_sectors;
	// A request that waits for a resume meets a table that is at least as long.
	const uint64_t blocks = device_->active()->options().sectors / block;
	const uint64_t size = random_.below(20);
	uint64_t count = 1;

	if (size >= 19)
		count = 1 + random_.below(plan_.longest_request / block);
	else if (size >= 16)
		count = 1 + random_.below(32 / block);
	else if (size >= 9)
		count = 1 + random_.below(4);
	count = std::min(count, blocks);
	const uint64_t spot = plan_.hot[random_.below(plan_.hot.size())];
	const uint64_t near = random_.below(plan_.hot_blocks), any = random_.below(blocks);
	const uint64_t start = std::min(random_.chance(3, 4) ? (spot + near) % blocks : any, blocks - count);

	io.sector = start * block;
	io.sectors = static_cast<uint32_t>(count * block);
}

void SimHistory::draw_request(User &u)
{
	UserIo &io = u.request.io;
	const uint64_t kind = random_.below(100);

	io = UserIo();
	if (kind < plan_.write_percent)
		io.op = random_.chance(1, 12) ? DMR_OP_WRITE_ZEROES : DMR_OP_WRITE;
	else if (kind < plan_.write_percent + plan_.flush_percent)
		io.op = DMR_OP_FLUSH;
	else if (kind < plan_.write_percent + plan_.flush_percent + 3)
		io.op = DMR_OP_DISCARD;
	if (io.op != DMR_OP_FLUSH)
		draw_place(io);
	if (io.op == DMR_OP_WRITE || io.op == DMR_OP_WRITE_ZEROES)
		io.flags = random_.chance(1, 6) ? DMR_IO_FUA : 0;
	if (io.op == DMR_OP_READ)
		io.optional = random_.chance(1, 20);
	if (io.op == DMR_OP_READ || io.op == DMR_OP_WRITE)
		io.data = u.data.data();
}

// For a reader of a replay.
void SimHistory::tell(const Request &r, const char *what)
{
	static const char *const names[] = {"read", "write", "write-zeroes", "discard", "flush"};
	const UserIo &io = r.io;

	if (world_.trace_printer)
		world_.trace_printer(fmt::format("{:12} == {} {} of {} sectors from {} on{} {}, status {}", world_.now(), names[io.op],
						 r.number, io.sectors, io.sector, io.flags ? " with FUA" : "", what, io.status));
}

// One request, from its submission until it has been judged.
void SimHistory::perform(User &u)
{
	Request &r = u.request;
	UserIo &io = r.io;

	switch (io.op) {
	case DMR_OP_READ:
		// Whatever is not read stays what was never written.
		for (uint32_t i = 0; i < io.sectors; i++)
			u.data[i * 512] = u.data[i * 512 + 100] = 0xa5;
		r.number = oracle_.begin_read();
		break;
	case DMR_OP_WRITE:
		for (uint32_t i = 0; i < io.sectors; i++)
			fill_sector(&u.data[i * 512], io.sector + i, oracle_.next_number());
		[[fallthrough]];
	case DMR_OP_WRITE_ZEROES:
	case DMR_OP_DISCARD:
		r.number = oracle_.begin_write(io.sector, io.sectors, io.op != DMR_OP_WRITE);
		break;
	case DMR_OP_FLUSH:
		r.number = oracle_.begin_flush();
		break;
	}
	judge_.begin(r, oracle_.now());
	tell(r, "begins");
	if (device_->suspended())
		points_.reached(Point::requests_waited_for_resume);
	device_->perform(io, [&] {
		if (io.op != DMR_OP_FLUSH || io.status == DMR_STS_OK)
			return;
		oracle_.flush_failed(true);
		judge_.flush_failed(r, oracle_.now());
		// What another flush has promised wrongly shows only if the power goes before it is written again.
		if (boots_left_ > 0 && random_.chance(1, 2))
			world_.cut_after(1 + random_.below(120));
	});
	ended(u);
}

void SimHistory::ended(User &u)
{
	Request &r = u.request;
	UserIo &io = r.io;
	const bool ok = io.status == DMR_STS_OK;
	const std::string complaint = judge_.judge(r);

	ended_++;
	points_.reached(Point::flush_failed, io.op == DMR_OP_FLUSH && !ok);
	world_.scheduler().wake_all(request_ends_);
	tell(r, ok ? "ends well" : "fails");
	if (!complaint.empty())
		violation(complaint);
	switch (io.op) {
	case DMR_OP_READ:
		if (ok)
			check_read(u);
		oracle_.end_read(r.number);
		break;
	case DMR_OP_WRITE:
	case DMR_OP_WRITE_ZEROES:
		oracle_.end_write(r.number, io.sector, io.sectors, ok,
				  [&](uint64_t sector) { return judge_.durable(r, sector); });
		break;
	case DMR_OP_DISCARD:
		// Advice: done or not, or for a part.
		oracle_.end_write(r.number, io.sector, io.sectors, false, {});
		break;
	case DMR_OP_FLUSH:
		if (ok)
			oracle_.flushed(r.number, io.held_back);
		break;
	}
}

void SimHistory::check_read(User &u)
{
	const UserIo &io = u.request.io;

	for (uint32_t i = 0; i < io.sectors; i++) {
		const std::string wrong = oracle_.check(u.request.number, io.sector + i, &u.data[i * 512]);

		if (!wrong.empty()) {
			violation(wrong);
			break;
		}
	}
}

} // namespace dm_remap::sim
