// SPDX-License-Identifier: GPL-2.0
#include "machine/progress.hh"

#include "answer.hh"

#include <algorithm>
#include <dm_remap/kernel_api.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

constexpr uint64_t width = 30;
constexpr std::chrono::milliseconds often_enough(200);

} // namespace

Progress::Progress() : visible_(isatty(STDERR_FILENO))
{
}

Progress::~Progress()
{
	if (shown_)
		fmt::print(stderr, "\r\033[K");
}

void Progress::show(const std::string &step, uint64_t done, uint64_t total, const std::string &besides)
{
	const Clock::time_point now = Clock::now();

	if (!visible_ || !total)
		return;
	if (step != step_ || done < last_) {
		step_ = step;
		done_at_start_ = done;
		begun_ = now;
	} else if (now - drawn_ < often_enough) {
		return;
	}
	last_ = done;
	drawn_ = now;
	shown_ = true;
	const double seconds = std::chrono::duration<double>(now - begun_).count();
	const uint64_t bar = std::min(done, total) * width / total;
	const double rate = seconds > 0 ? static_cast<double>(done - done_at_start_) / seconds : 0;
	std::string pace;

	if (rate > 0)
		pace = fmt::format(", {}/s, about {} left", human_bytes(static_cast<uint64_t>(rate) * DMR_SECTOR_SIZE),
				   human_time(static_cast<double>(total - std::min(done, total)) / rate));
	fmt::print(stderr, "\r[{}{}] {:3} % {}{}{}\033[K", std::string(bar, '='), std::string(width - bar, ' '), std::min(done, total) * 100 / total,
		   step, pace, besides);
	std::fflush(stderr);
}

std::string human_time(double seconds)
{
	constexpr double minute = 60, hour = 60 * minute;

	if (seconds < 2 * minute)
		return fmt::format("{:.0f} s", seconds);
	return seconds < 2 * hour ? fmt::format("{:.0f} min", seconds / minute) : fmt::format("{:.0f} h", seconds / hour);
}

} // namespace dm_remap::tool
