// SPDX-License-Identifier: GPL-2.0
#include "monitor/events.hh"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

namespace dm_remap::tool {

namespace {

constexpr std::array<EventKind, event_kinds_number> kinds = {{
	{"first_remap", "the first block of main was remapped", "", true},
	{"spare_low", "few spare blocks are left", "", true},
	{"spare_exhausted", "no spare block was free", "", true},
	{"map_full", "the map had no room for a block", "", true},
	{"pending", "blocks could not be read", "", true},
	{"member_failed", "the metadata of a spare could not be written", "", true},
	{"member_removed", "the removal of a spare has ended", "'dmremap status' and the kernel log say how", false},
	{"job_ended", "a job has ended", "'dmremap status' says how", false},
	{"scrub_begun", "a scrub begins", "", false},
	{"scrub_ended", "a scrub has ended, or pauses", "'dmremap status' says how far it came", false},
	{"main_gone", "main did not answer", "", true},
	{"main_read_only", "main refused every write", "", true},
	{"flush_failed", "a flush failed: data written since the last one may be lost",
	 "look at what was written last; turn the volatile cache of that disk off: 'Flush errors' in docs/administration.md", true},
	{"other", "something that this dmremap does not know; the kernel log says what", "", true},
}};

size_t kind_of(const std::string &event)
{
	const auto found = std::find_if(kinds.begin(), kinds.end() - 1, [&](const EventKind &kind) { return kind.name == event; });

	return static_cast<size_t>(found - kinds.begin());
}

} // namespace

const std::array<EventKind, event_kinds_number> &event_kinds()
{
	return kinds;
}

uint64_t Burst::events() const
{
	return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

std::string Burst::names() const
{
	std::string out;

	for (size_t i = 0; i < counts.size(); i++)
		if (counts[i])
			out += fmt::format("{}{}={}", out.empty() ? "" : " ", kinds[i].name, counts[i]);
	return out;
}

void Bursts::note(const std::string &device, const std::string &event, Time now)
{
	const size_t kind = kind_of(event);
	std::pair<std::string, bool> key = {device, kinds[kind].trouble};

	if (!open_.contains(key) && open_.size() >= most_apart)
		key = {"", true};
	const auto [at, is_new] = open_.try_emplace(key);

	if (is_new)
		at->second.ends = now;
	at->second.counts[kind]++;
}

std::vector<Burst> Bursts::due(Time now)
{
	std::vector<Burst> out;

	for (auto at = open_.begin(); at != open_.end();) {
		Open &open = at->second;

		if (open.ends > now) {
			++at;
			continue;
		}
		Burst burst = {at->first.first, at->first.second, open.counts, open.length};

		if (!burst.events()) {
			at = open_.erase(at);
			continue;
		}
		out.push_back(std::move(burst));
		open.counts = {};
		open.length = open.length.count() ? std::min(open.length * 2, std::max(longest, together_)) : together_;
		open.ends = now + open.length;
		++at;
	}
	return out;
}

std::optional<Bursts::Time> Bursts::next() const
{
	std::optional<Time> out;

	for (const auto &[key, open] : open_)
		out = std::min(out.value_or(open.ends), open.ends);
	return out;
}

std::vector<Burst> Bursts::rest()
{
	std::vector<Burst> out;

	for (const auto &[key, open] : open_) {
		Burst burst = {key.first, key.second, open.counts, open.length};

		if (burst.events())
			out.push_back(std::move(burst));
	}
	open_.clear();
	return out;
}

} // namespace dm_remap::tool
