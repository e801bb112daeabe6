// SPDX-License-Identifier: GPL-2.0
// The administrator's spares: left out, brought back, forgotten, added and removed while users and faults go on.
#include "sim_history.hh"

#include <algorithm>
#include <cerrno>

namespace dm_remap::sim {

using namespace host;

// A spare that is not there: the others go on without it, in a branch of their own.
void SimHistory::leave_out(SimDisk *spare)
{
	faults_.heal_all();
	missing_ = spare;
	judge_.leave_out(spare);
	note("without a spare");
	points_.reached(Point::started_without_a_spare);
}

// It comes back, and is behind. Had it been used alone meanwhile, it would have to be refused.
void SimHistory::bring_back()
{
	SimDisk *spare = missing_;

	missing_ = nullptr;
	judge_.leave_out(nullptr);
	points_.reached(Point::stale_member_returned);
	if (!random_.chance(1, 2))
		return;
	faults_.heal_all();
	world_.cut_after(0);
	before_.clear();
	for (SimDisk *disk : world_.disks())
		before_.push_back(disk->snapshot());
	// What the others did since it left must not be known to it: they are not there.
	table_.members.clear();
	for (SimDisk *member : pool_)
		table_.members.push_back({member == spare ? spare : nullptr, 0, member->options().sectors});
	table_.degraded = table_.force = true;
	note("the other way");
	if (device_->create(table_) != 0) {
		violation("a spare cannot be used without the others: " + device_->reason());
		return;
	}
	device_->remove();
	for (size_t i = 0; i < before_.size(); i++) {
		if (world_.disks()[i] != spare)
			world_.disks()[i]->restore(before_[i]);
	}
	if (device_->create(table()) == 0)
		violation("spares that went separate ways are accepted together");
	points_.reached(Point::diverged_refused);
	for (size_t i = 0; i < before_.size(); i++)
		world_.disks()[i]->restore(before_[i]);
	if (boots_left_ > 0)
		world_.cut_after(1 + random_.below(400));
}

// Of the spare that was to be removed, what has become of it.
bool SimHistory::change_is_over()
{
	if (in_between_ && device_->status().find(":removing:") != std::string::npos)
		return false;
	settle_change();
	return true;
}

// No job runs.
void SimHistory::settle_change()
{
	// Whether one that was being forgotten when the metadata failed is one of the set, nobody knows.
	if (!in_between_ || in_between_ == missing_ || forget_in_doubt_)
		return;
	const dmr_member_range range = {in_between_, 0, in_between_->options().sectors};
	if (!dmr_engine_has_member(device_->active()->engine(), &range)) {
		points_.reached(Point::spare_removed);
		std::erase(pool_, in_between_);
	} else if (judge_.metadata_trouble()) {
		return; // nobody knows
	}
	in_between_ = nullptr;
	judge_.forgotten();
}

// The next table is to do without the spare that is coming or going. False: there is none in the pool.
bool SimHistory::without_in_between()
{
	if (!in_between_ || !std::erase(pool_, in_between_))
		return false;
	forget_in_doubt_ = false;
	if (missing_ == in_between_) {
		missing_ = nullptr;
		judge_.leave_out(nullptr);
	}
	in_between_ = nullptr;
	return true;
}

void SimHistory::change_pool()
{
	if (!serving_ || !change_is_over() || in_between_)
		return;
	if (missing_) {
		if (random_.chance(1, 2))
			forget_spare(missing_);
		return;
	}
	// One that was dropped, though it is there.
	for (SimDisk *spare : pool_) {
		if (state_of(*spare) == "dropped" && random_.chance(1, 2))
			return forget_spare(spare);
	}
	if (pool_.size() < spares_.size() && random_.chance(1, 2))
		add_spare();
	else if (pool_.size() > 1)
		remove_spare();
}

void SimHistory::add_spare()
{
	const auto in_pool = [&](const auto &spare) {
		return std::find(pool_.begin(), pool_.end(), spare.get()) != pool_.end();
	};
	SimDisk *spare = std::find_if_not(spares_.begin(), spares_.end(), in_pool)->get();
	const uint64_t errors = spare_errors(), failures = world_.memory().failures();

	faults_.wipe(*spare);
	judge_.wiped(*spare);
	// Whatever becomes of it: a set whose superblocks name it needs it.
	pool_.push_back(spare);
	in_between_ = spare;
	note("add_spare");
	const int err = device_->add_spare(*spare, 0, spare->options().sectors);
	judge_.pool_changed(device_->active()->engine());
	points_.reached(Point::spare_added, err == 0);
	// Of what was being written when the metadata failed, nobody knows how far it came.
	if (err && judge_.metadata_trouble())
		return;
	in_between_ = nullptr;
	if (!err)
		return;
	std::erase(pool_, spare);
	if (err != -EBUSY && err != -ENOSPC && !excuse_for_admin(errors, failures) && !judge_.metadata_trouble())
		violation("add_spare is refused: " + device_->reason());
}

uint64_t SimHistory::lost_sectors()
{
	dmr_snapshot s;

	if (!serving_ || !device_->active() || !device_->active()->engine())
		return 0;
	dmr_engine_snapshot(device_->active()->engine(), &s);
	return s.lost_sectors;
}

void SimHistory::remove_spare()
{
	SimDisk *spare = pool_[random_.below(pool_.size())];
	const uint64_t errors = spare_errors(), failures = world_.memory().failures();

	in_between_ = spare;
	const bool give_up = random_.chance(1, 4);
	note(give_up ? "remove_spare force" : "remove_spare");
	judge_.closed(*spare);
	if (give_up)
		judge_.forgetting();
	const uint64_t lost = lost_sectors();
	int err = device_->remove_spare(*spare, 0, give_up);
	if (err == 1) {
		points_.reached(Point::spare_evacuated);
		pause(3'000'000);
		if (random_.chance(1, 3))
			err = device_->cancel_remove(*spare, 0) == 0 ? -ECANCELED : 1;
		// The job is given up by a reload, goes on after a suspend, and ends by itself.
		for (int i = 0; err == 1 && i < 40 && device_->status().find("removing") != std::string::npos; i++)
			pause(1'000'000);
	}
	points_.reached(Point::lost_by_removal, give_up && lost_sectors() > lost);
	if (!change_is_over())
		return;
	// Most often there is nothing that could not be read: what the judge excuses from now on would be too much.
	if (give_up && serving_ && lost_sectors() == 0)
		judge_.nothing_is_lost();
	if (err == 0 && std::find(pool_.begin(), pool_.end(), spare) != pool_.end())
		violation("remove_spare succeeds and the spare is still there");
	judge_.pool_changed(device_->active()->engine());
	if (err < 0 && err != -EBUSY && err != -ENOSPC && err != -ECANCELED && !excuse_for_admin(errors, failures) &&
	    !judge_.metadata_trouble())
		violation("remove_spare is refused: " + device_->reason());
}

// What the device says itself of a spare: where the size is no help nobody else knows.
std::string SimHistory::told_of(const SimDisk &spare, const char *what)
{
	const std::string text = device_->message({"status"});
	const std::string name = &spare == missing_ ? "device=-" : "device=" + spare.options().name;
	const size_t at = text.find(name + " "), line = text.rfind('\n', at), value = text.find(what, line);

	if (at == std::string::npos || value == std::string::npos)
		return "";
	const size_t from = value + std::string_view(what).size();
	return text.substr(from, text.find_first_of(" \n", from) - from);
}

std::string SimHistory::state_of(const SimDisk &spare)
{
	return told_of(spare, " state=");
}

// What lived on it is gone.
void SimHistory::forget_spare(SimDisk *spare)
{
	const uint64_t failures = world_.memory().failures();
	const std::string number = told_of(*spare, " number=");
	const bool is_there = spare != missing_;

	if (number.empty()) {
		if (!is_there)
			violation("a spare was left out, and none is missing");
		return;
	}
	in_between_ = spare;
	note("forget_spare");
	int err = device_->forget_spare(static_cast<uint32_t>(std::stoul(number)), false);
	if (err == -EBUSY && device_->reason().find("add 'force'") != std::string::npos) {
		judge_.forgetting();
		// Its order of writes is what matters, and it does not take long.
		if (boots_left_ > 0 && random_.chance(1, 2))
			world_.cut_after(1 + random_.below(40));
		err = device_->forget_spare(static_cast<uint32_t>(std::stoul(number)), true);
		judge_.forgotten();
		points_.reached(Point::lost_with_a_spare, err == 0);
	}
	judge_.pool_changed(device_->active()->engine());
	points_.reached(Point::spare_forgotten, err == 0);
	points_.reached(Point::dropped_spare_forgotten, err == 0 && is_there);
	forget_in_doubt_ = err && judge_.metadata_trouble();
	if (forget_in_doubt_)
		return;
	if (err == 0)
		without_in_between();
	in_between_ = nullptr;
	if (err && err != -EBUSY && !(err == -ENOMEM && world_.memory().failures() > failures))
		violation("forget_spare is refused: " + device_->reason());
}

} // namespace dm_remap::sim
