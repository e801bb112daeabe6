// SPDX-License-Identifier: GPL-2.0
// The administrator moves blocks by hand: to spares, and back to main; and guards some of main.
#include "sim_history.hh"

#include "core/recovery/guard.hh"

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <sstream>

namespace dm_remap::sim {

using namespace host;

bool SimHistory::job_runs()
{
	return device_->message({"status"}).find(" state=running from=") != std::string::npos;
}

// Mostly one that users and faults meet at.
uint64_t SimHistory::draw_spot(uint64_t size)
{
	const uint64_t spot = plan_.hot[random_.below(plan_.hot.size())] * plan_.block_sectors;

	return random_.chance(3, 4) ? std::min(spot, size - plan_.block_sectors) : random_.below(size);
}

// It begins, and is waited for, or stopped, or goes on beside whatever comes next.
void SimHistory::by_hand()
{
	static const char *const words[] = {"remap", "unremap", "retry_pending"};

	if (!serving_ || device_->suspended())
		return;
	if (random_.chance(1, 3))
		return guard();
	const uint64_t block = plan_.block_sectors, kind = random_.below(3);
	const uint64_t size = device_->active()->options().sectors / block * block;
	const uint64_t first = draw_spot(size);
	const uint64_t count = std::min(1 + random_.below(random_.chance(1, 8) ? size : 32 * block), size - first);
	// In whole blocks.
	const uint64_t from = first / block * block, to = std::min((first + count + block - 1) / block * block, size);
	std::vector<std::string> message = {words[kind]};
	int err = 0;

	if (kind < 2)
		message.insert(message.end(), {std::to_string(first), std::to_string(count)});
	if (!job_runs())
		judge_.hand_over();
	// What it was moved for may have gone, as a bad cable.
	if (kind == 1 && random_.chance(1, 2))
		main_.heal(from, count);
	note("by hand", kind, first, count);
	// What goes back to main has failed once, or been moved before.
	if (kind < 2)
		judge_.by_hand(from, to, kind == 0);
	else
		judge_.by_hand(0, size, false);
	device_->message(message, &err);
	if (err && err != -EBUSY && !(err == -EIO && judge_.metadata_trouble()))
		violation(message[0] + " is refused: " + device_->reason());
	if (!err)
		see_job(kind == 1 ? Point::given_back : Point::moved_by_hand);
}

void SimHistory::see_job(Point moved)
{
	int err = 0;

	pause(2'000'000);
	if (serving_ && !device_->suspended() && random_.chance(1, 4)) {
		device_->message({"stop_job"}, &err);
		points_.reached(Point::job_stopped, err == 0);
	}
	for (int i = 0; serving_ && i < 20 && random_.chance(9, 10) && job_runs(); i++)
		pause(1'000'000);
	if (!serving_ || job_runs())
		return;
	const std::string text = device_->message({"status"});

	points_.reached(moved, text.find(" moved_sectors=0 unreadable") == std::string::npos);
	judge_.hand_over();
}

bool SimHistory::guarded()
{
	return device_->message({"status"}).find("\nguard state=") != std::string::npos;
}

// Some of what users and faults meet at; or all of it off again.
void SimHistory::guard()
{
	const uint64_t size = device_->active()->options().sectors / plan_.block_sectors * plan_.block_sectors;
	const bool off = guarded() && random_.chance(1, 2);
	const uint64_t failures = world_.memory().failures();
	std::vector<std::string> message = {off ? "unguard" : "guard"};
	int err = 0;

	if (!job_runs())
		judge_.hand_over();
	for (uint64_t left = off ? 0 : 1 + random_.below(3); left > 0; left--) {
		const uint64_t first = draw_spot(size);
		const uint64_t count = std::min(1 + random_.below(16 * plan_.block_sectors), size - first);

		message.insert(message.end(), {std::to_string(first), std::to_string(count)});
		judge_.by_hand(first, first + count, true);
		note("guard", first, count);
	}
	if (off)
		judge_.by_hand(0, size, false);
	device_->message(message, &err);
	// Something there is pending or lost; a spare is not there; there is no room.
	const bool in_the_way = err == -EBUSY || (!off && (err == -EINVAL || err == -ENOSPC)) ||
				(err == -ENOMEM && world_.memory().failures() > failures);

	if (err && !in_the_way && !(err == -EIO && judge_.metadata_trouble()))
		violation(message[0] + " is refused: " + device_->reason());
	if (!err)
		see_job(off ? Point::unguarded : Point::guarded);
}

// What the device says of the guard is what is on main: where it is guarded there is a guard, or what was data once.
void SimHistory::check_guard()
{
	const std::string status = device_->message({"status"});
	const size_t line = status.find("\nguard state="), at = status.find("missing_sectors=", line);
	uint64_t missing = 0;

	if (line == std::string::npos)
		return;
	for (uint64_t next = 0;;) {
		std::istringstream list(device_->message({"list", std::to_string(next)}));
		std::string extent;

		while (std::getline(list, extent) && extent.starts_with("extent ")) {
			uint64_t first = 0, count = 0;

			if (extent.find(" guarded=1") != std::string::npos)
				std::sscanf(extent.c_str(), "extent main=%" SCNu64 " sectors=%" SCNu64, &first, &count);
			for (uint64_t block = first; block < first + count; block += plan_.block_sectors) {
				bool whole = true;

				for (uint64_t sector = block; sector < block + plan_.block_sectors; sector++) {
					uint8_t data[512];

					main_.peek(sector, data, 1);
					if (any_guard(data, 1))
						continue;
					whole = false;
					if (value_of(data, sector) == never_written)
						violation("sector " + std::to_string(sector) + " of main is guarded, and neither a guard nor data");
				}
				missing += whole ? 0 : plan_.block_sectors;
			}
		}
		if (!extent.starts_with("next="))
			break;
		next = std::stoull(extent.substr(5));
	}
	points_.reached(Point::guard_seen);
	if (const uint64_t told = std::stoull(status.substr(at + 16)); told != missing)
		violation("of the guard " + std::to_string(told) + " sectors are missing, the device says, and on main " + std::to_string(missing));
}

// On healthy disks main takes all of it.
void SimHistory::unguard()
{
	int err = 0;

	if (!guarded())
		return;
	judge_.by_hand(0, sectors_, false);
	device_->message({"unguard"}, &err);
	if (err)
		violation("unguard is refused: " + device_->reason());
	while (violations_.empty() && job_runs())
		pause(1'000'000);
	if (violations_.empty() && guarded())
		violation("something is guarded still: " + device_->message({"status"}));
}

} // namespace dm_remap::sim
