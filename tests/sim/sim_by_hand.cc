// SPDX-License-Identifier: GPL-2.0
// The administrator moves blocks by hand: to spares, and back to main.
#include "sim_history.hh"

#include <algorithm>
#include <cerrno>

namespace dm_remap::sim {

using namespace host;

bool SimHistory::job_runs()
{
	return device_->message({"status"}).find(" state=running from=") != std::string::npos;
}

// It begins, and is waited for, or stopped, or goes on beside whatever comes next.
void SimHistory::by_hand()
{
	static const char *const words[] = {"remap", "unremap", "retry_pending"};

	if (!serving_ || device_->suspended())
		return;
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
	if (err)
		return;
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

	points_.reached(kind == 1 ? Point::given_back : Point::moved_by_hand, text.find(" moved_sectors=0 unreadable") == std::string::npos);
	judge_.hand_over();
}

} // namespace dm_remap::sim
