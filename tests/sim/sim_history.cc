// SPDX-License-Identifier: GPL-2.0
#include "sim_history.hh"

#include "dm_remap/format.hh"

#include <algorithm>
#include <cstring>

#include <fmt/core.h>

namespace dm_remap::sim {

using namespace host;

void Totals::add(const Totals &other)
{
	histories += other.histories;
	steps += other.steps;
	power_cuts += other.power_cuts;
	faults += other.faults;
	allocation_failures += other.allocation_failures;
	violations += other.violations;
	points.add(other.points);
}

namespace {

std::vector<std::unique_ptr<SimDisk>> make_spares(World &world, const Plan &plan)
{
	std::vector<std::unique_ptr<SimDisk>> spares;

	for (const DiskOptions &options : plan.spares)
		spares.push_back(std::make_unique<SimDisk>(world, options));
	return spares;
}

std::vector<SimDisk *> pointers(const std::vector<std::unique_ptr<SimDisk>> &owners)
{
	std::vector<SimDisk *> all;

	for (const auto &owner : owners)
		all.push_back(owner.get());
	return all;
}

// A log unit with more than one record is a batch.
bool is_batch(const DeviceIo &io)
{
	if (io.op != DMR_OP_WRITE || io.sectors != format::sectors_per_unit || io.user)
		return false;
	format::Header header;

	std::memcpy(&header, io.data, sizeof(header));
	return !std::memcmp(header.magic, format::magic, sizeof(header.magic)) &&
	       header.kind == static_cast<uint16_t>(format::Kind::log) && header.count > 1;
}

} // namespace

SimHistory::SimHistory(uint64_t seed, uint32_t steps)
	: plan_(seed, steps), world_(seed), random_(world_.random().fork()), main_(world_, plan_.main),
	  spares_(make_spares(world_, plan_)), oracle_(plan_.main.sectors), judge_(world_, main_, pointers(spares_)),
	  faults_(plan_, world_, judge_, main_, pointers(spares_)), users_(plan_.users)
{
	think_ns_ = random_.chance(1, 3) ? 50'000 : 600'000;
	main_.resize(plan_.first_sectors);
	sectors_ = plan_.first_sectors;
	read_retries_ = plan_.read_retries;
	for (auto &spare : spares_) {
		if (pool_.size() < plan_.members)
			pool_.push_back(spare.get());
	}
	world_.worker_limit = plan_.worker_limit;
	world_.max_logs = 0;
	for (User &u : users_)
		u.data.resize(most_sectors * 512);
	checker_.data.resize(most_sectors * 512);
	world_.on_performed = [this](SimDisk &disk, const DeviceIo &io) {
		judge_.performed(disk, io);
		// Of two flushes of main side by side one may fail and the other succeed: so it is with the bare disk.
		if (&disk == &main_ && io.op == DMR_OP_FLUSH && io.status)
			oracle_.flush_failed(false);
		if (is_batch(io))
			points_.reached(Point::batch_of_two);
	};
}

void SimHistory::print_all()
{
	world_.max_logs = 10'000;
	world_.trace_printer = [](const std::string &line) { fmt::print("{}\n", line); };
}

void SimHistory::violation(const std::string &text)
{
	world_.trace("violation");
	if (world_.trace_printer)
		world_.trace_printer("violation: " + text);
	violations_.push_back(text);
}

// One boot: until the power goes, or the administrator is done.
void SimHistory::boot()
{
	device_ = std::make_unique<MappedDevice>("sim");
	made_ = admin_over_ = serving_ = false;
	gate_ = Gate::open;
	gate_opens_ = users_end_ = request_ends_ = WaitQueue();
	for (User &u : users_)
		u.request.under_way = u.active = false;
	checker_.request.under_way = false;
	active_users_ = 0;
	quota_ = (plan_.steps - std::min<uint64_t>(steps_done_, plan_.steps)) / (boots_left_ + 1) + 1;
	if (boots_left_ > 0) {
		// At any I/O: some of the first ones, while the set is made or loaded, or later, with users.
		const bool soon = random_.chance(1, 5);

		world_.cut_after(1 + random_.below(soon ? 150 : quota_ * 8));
	}
	world_.spawn("administrator", [this] {
		administrate();
		admin_over_ = true;
	});
	if (world_.run_until([this] { return admin_over_ || !violations_.empty(); }) != Stop::Done)
		return;
	if (violations_.empty() && boots_left_ > 0)
		world_.cut_power(); // no I/O was left for it
}

// Of what was in flight to a disk, does the cut leave a part? decide(): what is left.
void SimHistory::note_torn(SimDisk &disk, const std::function<void()> &decide)
{
	std::vector<uint64_t> in_flight;

	for (const Unflushed &u : disk.unflushed()) {
		if (u.in_flight)
			in_flight.push_back(u.sector);
	}
	decide();
	for (uint64_t sector : in_flight) {
		const uint64_t first = sector / format::sectors_per_unit * format::sectors_per_unit;
		format::Unit unit;
		format::Header header;

		if (first + format::sectors_per_unit > disk.options().sectors)
			continue;
		disk.peek(first, &unit, format::sectors_per_unit);
		std::memcpy(&header, &unit, sizeof(header));
		bool torn = false;
		for (const format::Sector &s : unit.sectors)
			torn |= s.stamp != unit.sectors[0].stamp;
		if (&disk == &main_)
			points_.reached(Point::write_torn, torn);
		else if (!std::memcmp(header.magic, format::magic, sizeof(header.magic)) &&
			 header.kind == static_cast<uint16_t>(format::Kind::checkpoint_head))
			points_.reached(Point::checkpoint_torn, torn);
	}
}

void SimHistory::after_cut()
{
	power_cuts_++;
	points_.reached(Point::cut_while_formatting, !made_ && world_.boots() == 1);
	points_.reached(Point::cut_while_starting, !made_ && world_.boots() > 1);
	judge_.power_cut();
	oracle_.power_cut();
	for (SimDisk *disk : world_.disks())
		note_torn(*disk, [&] { disk->power_cut(world_.random()); });
	device_.reset();
	world_.reboot();
	faults_.reboot(random_);
	if (missing_) {
		points_.reached(Point::stale_member_returned);
		missing_ = nullptr;
		judge_.leave_out(nullptr);
	}
}

void SimHistory::run(Totals &totals)
{
	for (boots_left_ = plan_.cuts;; boots_left_--) {
		boot();
		for (const std::string &text : world_.take_violations())
			violation(text);
		if (!violations_.empty() || world_.powered())
			break;
		after_cut();
	}
	if (!violations_.empty())
		world_.cut_power(); // whatever still runs has nothing more to say
	points_.reached(Point::block_remapped, judge_.remaps_seen);
	points_.reached(Point::bad_spare_block, judge_.bad_spare_seen);
	points_.reached(Point::block_pending, judge_.unreadable_reads);
	points_.reached(Point::pending_written, judge_.pending_written);
	points_.reached(Point::in_doubt, judge_.in_doubt_seen);
	points_.reached(Point::lost_written, judge_.lost_written);
	points_.reached(Point::drain_waited, world_.drains_waited);
	totals.histories++;
	totals.steps += steps_done_;
	totals.power_cuts += power_cuts_;
	totals.faults += faults_.injected();
	totals.allocation_failures += world_.memory().failures();
	totals.violations += violations_.empty() ? 0 : 1;
	totals.points.add(points_);
}

} // namespace dm_remap::sim
