// SPDX-License-Identifier: GPL-2.0
// The administrator: makes the device, reloads, suspends, asks, takes it away and makes it again, while disks fail.
#include "sim_history.hh"

#include <algorithm>
#include <cerrno>

namespace dm_remap::sim {

using namespace host;

TableOptions &SimHistory::table()
{
	table_.main = &main_;
	table_.sectors = sectors_;
	table_.members.clear();
	for (SimDisk *spare : pool_)
		table_.members.push_back({spare == missing_ ? nullptr : spare, 0, spare->options().sectors});
	table_.degraded = table_.force = missing_ != nullptr;
	table_.max_extents = made_ || world_.boots() > 1 ? 0 : plan_.max_extents;
	table_.read_retries = read_retries_;
	table_.max_workers = plan_.max_workers;
	return table_;
}

// What the set is told of at the start of a table: a main that has grown, and another option.
void SimHistory::draw_options()
{
	if (random_.chance(1, 3))
		read_retries_ = static_cast<uint32_t>(random_.below(3));
	if (sectors_ == plan_.main.sectors || !random_.chance(1, 3))
		return;
	points_.reached(Point::main_grown, main_.sectors() != plan_.main.sectors);
	main_.resize(plan_.main.sectors);
	sectors_ = plan_.main.sectors;
}

uint64_t SimHistory::spare_errors() const
{
	uint64_t errors = 0;

	for (const auto &spare : spares_)
		errors += spare->counts().errors;
	return errors;
}

// A table may be refused if a spare failed while it was made, or memory did.
bool SimHistory::excuse_for_admin(uint64_t errors_before, uint64_t failures_before) const
{
	return spare_errors() > errors_before || const_cast<World &>(world_).memory().failures() > failures_before;
}

// Everything that can stand in the way is taken out of it, at the third try.
bool SimHistory::start_device(const char *what)
{
	for (int attempt = 0; attempt < 3; attempt++) {
		const uint64_t errors = spare_errors(), failures = world_.memory().failures();

		if (attempt == 2)
			faults_.heal_all();
		if (create()) {
			in_between_ = nullptr;
			forget_in_doubt_ = false;
			return true;
		}
		note("start failed");
		// A spare that was coming or going when the power went may be one of the set, or not.
		if (attempt == 2 && without_in_between()) {
			attempt = -1;
			continue;
		}
		if (in_between_)
			continue;
		if (!excuse_for_admin(errors, failures) || attempt == 2) {
			violation(std::string(what) + ": the device cannot be made: " + device_->reason());
			return false;
		}
		if (world_.memory().failures() > failures)
			points_.reached(Point::start_without_memory);
	}
	return false;
}

bool SimHistory::create()
{
	if (device_->load(table()) != 0)
		return false;
	if (!resume()) {
		device_->remove();
		return false;
	}
	return true;
}

bool SimHistory::resume()
{
	// What the old table did, it did before the new one starts.
	if (!device_->suspended())
		device_->suspend();
	if (Target *next = device_->loaded()) {
		judge_.table_starts(next->engine());
		faults_.set_area(judge_.area_sectors());
	}
	if (device_->resume() != 0)
		return false;
	made_ = serving_ = true;
	return true;
}

void SimHistory::reload()
{
	const uint64_t errors = spare_errors(), failures = world_.memory().failures();

	draw_options();
	if (device_->load(table()) != 0) {
		if (!in_between_ && !excuse_for_admin(errors, failures))
			violation("the table cannot be loaded: " + device_->reason());
		return;
	}
	note("loaded beside the one that serves");
	pause(300'000);
	if (random_.chance(1, 4))
		device_->suspend();
	for (int attempt = 0; !resume(); attempt++) {
		if ((!in_between_ && !excuse_for_admin(errors, failures)) || attempt == 2) {
			violation("the reloaded table cannot be resumed: " + device_->reason());
			return;
		}
		world_.memory().fail_chance(0);
		world_.memory().fail_nth(0);
		if (attempt == 0 && !in_between_)
			continue;
		faults_.heal_spare_areas();
		load_anew();
	}
	points_.reached(Point::reload_with_both_alive);
}

// With a spare that is coming or going, or without it, if that came to its end since the table was loaded.
void SimHistory::load_anew()
{
	SimDisk *spare = in_between_, *missing = missing_;

	if (device_->load(table()) == 0 || !without_in_between() || device_->load(table()) == 0)
		return;
	in_between_ = spare;
	missing_ = missing;
	judge_.leave_out(missing);
	pool_.push_back(spare);
}

void SimHistory::suspend_and_resume()
{
	device_->suspend();
	pause(200'000);
	if (!resume())
		violation("the device cannot be resumed: " + device_->reason());
}

void SimHistory::close_gate()
{
	gate_ = Gate::closed;
	while (std::any_of(users_.begin(), users_.end(), [](const User &u) { return u.request.under_way; }))
		world_.scheduler().wait(request_ends_);
}

void SimHistory::open_gate()
{
	gate_ = Gate::open;
	world_.scheduler().wake_all(gate_opens_);
}

void SimHistory::remove()
{
	if (device_->remove() != 0)
		violation("the device cannot be removed");
	serving_ = false;
	world_.check_no_leaks();
}

// Taken away, and made again.
void SimHistory::restart()
{
	const bool metadata_failed = judge_.spare_failures() > 0;

	close_gate();
	// Who takes a spare out flushes first; and one that was dropped must not be left with the map alone: that would be
	// going separate ways.
	checker_.request.io = UserIo();
	checker_.request.io.op = DMR_OP_FLUSH;
	perform(checker_);
	const bool all_well = checker_.request.io.status == DMR_STS_OK && !judge_.metadata_trouble();

	// The job of remove_spare is given up, or has just come to its end.
	if (device_->active())
		device_->suspend();
	settle_change();
	remove();
	// A rotten copy and a cut in the middle of writing the other one may be refused, too: rot comes when no cut follows.
	if (plan_.misfortune.rot && !metadata_failed && boots_left_ == 0) {
		faults_.rot(random_);
		points_.reached(Point::rot_mended);
	}
	draw_options();
	// The old line is as good as the new one: what lies beyond its end is out of reach for a while.
	if (main_.sectors() > plan_.first_sectors && random_.chance(1, 4)) {
		points_.reached(Point::table_shortened);
		sectors_ = plan_.first_sectors;
	}
	if (missing_)
		bring_back();
	else if (pool_.size() > 1 && all_well && !judge_.metadata_trouble() && !in_between_ && random_.chance(1, 2))
		leave_out(pool_[random_.below(pool_.size())]);
	if (violations_.empty() && start_device(missing_ ? "start without a spare" : "restart"))
		open_gate();
}

void SimHistory::ask()
{
	static const std::vector<std::vector<std::string>> questions = {
		{"status"}, {"stats"}, {"health"}, {"cache_stats"}, {"help"}, {"clear_stats"}, {"nonsense"}, {"status", "x"},
	};
	const uint64_t which = random_.below(questions.size());
	int err = 0;

	device_->message(questions[which], &err);
	if ((err == -EINVAL) != (which >= 6) || (err && which < 6))
		violation("message " + questions[which][0] + " is answered by error " + std::to_string(err));
	device_->status();
}

void SimHistory::pause(uint64_t most_ns)
{
	world_.scheduler().sleep(random_.below(most_ns));
}

void SimHistory::one_action()
{
	const uint64_t kind = random_.below(40);

	faults_.occasion(random_);
	if (kind < 8)
		faults_.relent(random_);
	else if (kind < 12)
		ask();
	else if (kind < 14)
		suspend_and_resume();
	else if (kind < 16)
		reload();
	else if (kind < 17)
		restart();
	else if (kind < 22)
		change_pool();
	else if (kind < 26)
		by_hand();
	else if (kind < 31)
		patrol();
	if (serving_) {
		watch();
		watch_patrol();
	}
}

// What the engine says of itself, for the points of interest only.
void SimHistory::watch()
{
	dmr_snapshot s;

	if (!device_->active() || !device_->active()->engine())
		return;
	dmr_engine_snapshot(device_->active()->engine(), &s);
	const std::string wrong = judge_.check_pending(s.pending_sectors);
	if (!wrong.empty())
		violation(wrong);
	if (s.spare_sectors_used + s.spare_sectors_bad >= s.spare_sectors_total)
		points_.reached(Point::last_spare_block_taken);
	if (s.mode == DMR_MODE_MAP_FULL)
		points_.reached(Point::map_full);
	if (s.mode == DMR_MODE_METADATA_FAILED)
		points_.reached(Point::metadata_failed);
	if (s.mode == DMR_MODE_MAIN_GONE)
		points_.reached(Point::main_gone);
	if (s.mode == DMR_MODE_MAIN_READ_ONLY)
		points_.reached(Point::main_read_only);
	if (s.checkpoints >= 3)
		points_.reached(Point::log_wrapped);
	if (s.rescued)
		points_.reached(Point::block_rescued);
	if (device_->active()->instance().events[DMR_EVENT_MEMBER_FAILED] && s.mode != DMR_MODE_METADATA_FAILED)
		points_.reached(Point::member_dropped);
	points_.reached(Point::block_lost, s.lost_sectors != 0);
	if (s.untested)
		points_.reached(Point::past_the_budget);
}

void SimHistory::administrate()
{
	if (world_.boots() > 1)
		draw_options();
	if (!start_device("start"))
		return;
	if (world_.boots() > 1) {
		points_.reached(Point::guard_cut, device_->message({"status"}).find("\nguard state=incomplete") != std::string::npos);
		check_device("after the cut", false);
	}
	if (!violations_.empty())
		return;
	start_users();
	const uint64_t failures = world_.memory().failures();
	if (boots_left_ == 0 || random_.chance(1, 3))
		reload();
	// Where nothing moves any more the administrator rests, so that the scheduler sees who waits for ever.
	for (uint32_t still = 0; !users_idle() && violations_.empty() && still < 100; still++) {
		const uint64_t before = ended_ + world_.io_points();

		pause(120'000);
		one_action();
		if (ended_ + world_.io_points() != before)
			still = 0;
	}
	open_gate();
	wait_for_users();
	if (world_.memory().failures() > failures)
		points_.reached(Point::allocation_failure_survived);
	if (boots_left_ > 0 || !violations_.empty())
		return;
	last_check();
}

void SimHistory::wait_for_users()
{
	while (!users_idle())
		world_.scheduler().wait(users_end_);
}

// All disks and memory are well again: everything can be read, and nothing is left behind.
void SimHistory::last_check()
{
	device_->suspend();
	settle_change();
	remove();
	if (missing_)
		bring_back();
	faults_.heal_all();
	main_.resize(plan_.main.sectors);
	sectors_ = plan_.main.sectors;
	if (!violations_.empty() || !start_device("last start"))
		return;
	check_device("in the end", true);
	if (!violations_.empty())
		return;
	check_guard();
	unguard();
	check_device("without a guard", true);
	if (violations_.empty())
		remove();
}

void SimHistory::check_device(const char *when, bool all_healthy)
{
	const uint32_t block = plan_.block_sectors;
	UserIo &io = checker_.request.io;

	for (uint64_t at = 0; at < sectors_ && violations_.empty();) {
		const uint64_t left = sectors_ - at;
		const uint32_t whole = static_cast<uint32_t>(std::min<uint64_t>(left, most_sectors / block * block));

		io = UserIo();
		io.sector = at;
		io.sectors = whole;
		io.data = checker_.data.data();
		perform(checker_);
		// What failed is asked for block by block: the others must be there.
		for (uint32_t i = 0; io.status && i < whole / block; i++) {
			const dmr_status failed = io.status;

			io = UserIo();
			io.sector = at + uint64_t(i) * block;
			io.sectors = block;
			io.data = checker_.data.data();
			perform(checker_);
			if (io.status && all_healthy && !judge_.may_be_lost(io.sector))
				violation("sector " + std::to_string(io.sector) + " cannot be read from healthy disks");
			io.status = failed;
		}
		at += whole;
	}
	if (!violations_.empty())
		violations_.front() += std::string(" [") + when + "]";
}

} // namespace dm_remap::sim
