// SPDX-License-Identifier: GPL-2.0
// The administrator moves blocks by hand: to spares, and back to main; and guards some of main.
#include "sim_history.hh"

#include <algorithm>
#include <cerrno>

namespace dm_remap::sim {

using namespace host;

bool SimHistory::job_runs()
{
	return device_->message({"status"}).find("state=running") != std::string::npos;
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
	const uint64_t spot = plan_.hot[random_.below(plan_.hot.size())] * block;
	const uint64_t first = random_.chance(3, 4) ? std::min(spot, size - block) : random_.below(size);
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
		const uint64_t spot = plan_.hot[random_.below(plan_.hot.size())] * plan_.block_sectors;
		const uint64_t first = random_.chance(3, 4) ? std::min(spot, size - plan_.block_sectors) : random_.below(size);
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
