// SPDX-License-Identifier: GPL-2.0
// The administrator has main patrolled. When a pass is complete, whatever was unreadable since it began is known to be.
#include "sim_history.hh"

#include <cerrno>

namespace dm_remap::sim {

using namespace host;

namespace {

bool has(const std::string &text, const std::string &part)
{
	return text.find(part) != std::string::npos;
}

uint64_t number(const std::string &text, const std::string &key)
{
	return std::stoull(text.substr(text.find(key) + key.size()));
}

// Nothing but the patrol, or a user, ends this: no write to main does.
bool lasts(const Fault &fault)
{
	return fault.read && fault.write && fault.times < 0 && fault.status == DMR_STS_MEDIUM;
}

} // namespace

void SimHistory::patrol()
{
	static const char *const words[] = {"start", "start", "start", "pause", "resume", "resume", "stop"};
	const std::string word = words[random_.below(7)];
	int err = 0;

	if (!serving_ || device_->suspended())
		return;
	if (random_.chance(1, 4))
		device_->message({"scrub", "rate", std::to_string(random_.chance(1, 2) ? 0 : 1 + random_.below(1'000'000))});
	note("scrub", word.size());
	judge_.patrolled();
	// Passes are told apart by the second in which they begin.
	world_.wall_epoch++;
	device_->message({"scrub", word}, &err);
	if (err && err != -EBUSY && err != -ENOENT && err != -ENOMEM)
		violation("scrub " + word + " is refused: " + device_->reason());
	if (err)
		return;
	if (word == "stop")
		pass_begun_ = 0;
	if (word != "start")
		return;
	faults_.weaken_spares(random_);
	pass_begun_ = number(device_->message({"scrub", "status"}), " begun=");
	bad_at_start_.clear();
	for (uint64_t s = 0; s < plan_.first_sectors; s++) {
		const Fault *fault = main_.fault(s);

		if (fault && lasts(*fault))
			bad_at_start_.push_back({s, fault->number});
	}
}

void SimHistory::watch_patrol()
{
	if (pass_begun_ == 0 || device_->suspended())
		return;
	const std::string told = device_->message({"scrub", "status"});

	points_.reached(Point::patrol_moved, !has(told, " spare_moved_sectors=0 "));
	points_.reached(Point::patrol_paused_itself, has(told, "state=paused") && device_->active()->instance().events[DMR_EVENT_SCRUB_ENDED] > 0);
	if (!has(told, "state=none"))
		return;
	const uint64_t begun = pass_begun_;

	pass_begun_ = 0;
	// The power may have gone before it was known that it began.
	if (number(told, " last_complete=") < begun)
		return;
	points_.reached(Point::patrol_complete);
	for (const auto &[sector, fault] : bad_at_start_) {
		const Fault *now = main_.fault(sector);

		if (!now || now->number != fault)
			continue;
		points_.reached(Point::patrol_found);
		const dmr_route route = dmr_engine_route(device_->active()->engine(), DMR_OP_READ, sector, plan_.block_sectors);

		if (route.where == DMR_WHERE_MAIN)
			violation("a pass of the patrol is complete, and sector " + std::to_string(sector) + ", which was unreadable all the time, is not known to be");
	}
}

} // namespace dm_remap::sim
