// SPDX-License-Identifier: GPL-2.0
#include "scrub_text.hh"

#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

std::string day(uint64_t seconds)
{
	return fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(static_cast<time_t>(seconds)));
}

std::string last_complete(const LiveScrub &scrub)
{
	return scrub.last_complete ? "the last one was complete at " + day(scrub.last_complete) : "none was ever complete";
}

} // namespace

std::string scrub_numbers(const LiveScrub &scrub)
{
	std::string out;
	auto add = [&](uint64_t sectors, const char *what) {
		if (sectors)
			out += fmt::format("{}{} sectors {}", out.empty() ? "" : ", ", sectors, what);
	};

	add(scrub.rescued, "rescued");
	add(scrub.pending, "cannot be read");
	add(scrub.spare_moved, "moved from weak spare blocks");
	add(scrub.spare_unreadable, "cannot be read on spares");
	return out.empty() ? "nothing was amiss" : out;
}

std::string scrub_text(const LiveScrub &scrub)
{
	const std::string rate = scrub.rate ? fmt::format(", at most {} sectors a second", scrub.rate) : "";

	if (scrub.state == "none")
		return last_complete(scrub);
	if (scrub.state == "waiting")
		return fmt::format("waits for the scrub of another partition of this disk, at sector {}; {}", scrub.at, last_complete(scrub));
	return fmt::format("{}: {} %, at sector {}{}; {}; {}", scrub.paused() ? "paused" : "under way", scrub.percent(), scrub.at, rate, scrub_numbers(scrub),
			   last_complete(scrub));
}

void write_scrub(JsonWriter &out, const std::optional<LiveScrub> &scrub)
{
	if (!scrub) {
		out.null("scrub");
		return;
	}
	auto time = [](uint64_t seconds) { return seconds ? std::optional(seconds) : std::nullopt; };

	out.begin_object("scrub", JsonWriter::Style::compact);
	out.value("state", scrub->state);
	out.value("at", scrub->at);
	out.value("end", scrub->end);
	out.value("rate", scrub->rate);
	out.value("begun", time(scrub->begun));
	out.value("last_complete", time(scrub->last_complete));
	out.value("read_sectors", scrub->read);
	out.value("rescued_sectors", scrub->rescued);
	out.value("pending_sectors", scrub->pending);
	out.value("spare_moved_sectors", scrub->spare_moved);
	out.value("spare_unreadable_sectors", scrub->spare_unreadable);
	out.end();
}

} // namespace dm_remap::tool
