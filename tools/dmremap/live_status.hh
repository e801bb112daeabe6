// SPDX-License-Identifier: GPL-2.0
// What the modules answer, as numbers: lines of "subject key=value key=value".
#ifndef DMREMAP_LIVE_STATUS_HH
#define DMREMAP_LIVE_STATUS_HH

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

class AnswerLines final {
public:
	explicit AnswerLines(std::string_view text) : rest_(text) {}

	bool next();
	// The line's first word, if it is no pair.
	std::string_view subject() const { return subject_; }
	// Empty: there is none.
	std::string_view value(std::string_view key) const;
	// Throws Failure if it is not there, or no number.
	uint64_t number(std::string_view key) const;
	// Of a key that older modules do not have.
	std::optional<uint64_t> number_if_any(std::string_view key) const;

private:
	std::string_view rest_, line_, subject_;
};

struct LiveSpare {
	uint32_t number = 0;
	std::string device;	// MAJOR:MINOR, or "-": it is missing
	std::string state;
	uint64_t start = 0, total = 0, used = 0, bad = 0; // sectors

	bool missing() const { return device == "-"; }
};

// A spare that is being emptied.
struct LiveRemoval {
	uint32_t number = 0;
	uint64_t moved = 0, left = 0; // sectors
	std::optional<uint64_t> seconds; // since it has begun

	uint64_t percent() const { return moved + left ? moved * 100 / (moved + left) : 100; }
	// By what it has done so far; no value: nobody knows yet.
	std::optional<uint64_t> seconds_left() const
	{
		return seconds && moved ? std::optional(*seconds * left / moved) : std::nullopt;
	}
};

// What was moved by hand last: a job of `remap`, `unremap`, `retry_pending`, `guard` or `unguard`. from, end and at are of main; all in sectors.
struct LiveJob {
	std::string kind;	// as the message is called
	std::string state;	// running, done, stopped, failed
	uint64_t from = 0, end = 0, at = 0;
	uint64_t moved = 0, unreadable = 0, refused = 0;

	bool running() const { return state == "running"; }
	uint64_t percent() const { return end > from ? (at - from) * 100 / (end - from) : 100; }
};

// How far the patrol is. at and end are of main, times in seconds since 1970, 0 for never; the rest sectors, since its pass began, or
// the table was loaded.
struct LiveScrub {
	std::string state;	// none, running, paused, waiting
	uint64_t at = 0, end = 0;
	uint32_t rate = 0;	// sectors per second, 0: no limit
	uint64_t begun = 0, last_complete = 0;
	uint64_t read = 0, rescued = 0, pending = 0, spare_moved = 0, spare_unreadable = 0;

	bool under_way() const { return state == "running" || state == "waiting"; }
	bool paused() const { return state == "paused"; }
	// The one that began last came to its end.
	bool complete() const { return state == "none" && last_complete && last_complete >= begun; }
	uint64_t percent() const { return end ? at * 100 / end : 100; }
};

// What is guarded of main. missing: sectors that do not hold their guard there.
struct LiveGuard {
	std::string state;	// complete, incomplete, unknown
	uint64_t sectors = 0, missing = 0;
	std::string main_uuid;

	bool complete() const { return state == "complete"; }
};

// The answer to the message `status`. All in sectors.
struct LiveStatus {
	std::string mode;
	uint64_t health = 0;
	uint64_t main_sectors = 0;
	uint32_t block_bytes = 0;
	std::optional<uint32_t> physical_block_bytes; // of main, as recovery takes it
	uint64_t generation = 0, extents = 0, max_extents = 0, mappings = 0;
	uint64_t remapped = 0, pending = 0, lost = 0;
	uint64_t pool_total = 0, pool_used = 0, pool_bad = 0, pool_free = 0;
	std::vector<LiveSpare> spares;
	std::optional<LiveRemoval> removal;
	std::optional<LiveJob> job;	// since the table was loaded
	std::optional<LiveScrub> scrub;	// older modules have none
	std::optional<LiveGuard> guard;	// no value: nothing is guarded

	// Throws Failure: it is not understood.
	static LiveStatus parse(std::string_view answer);
	// Of main, on spares: not what is guarded, which is there on purpose.
	uint64_t moved_away() const { return remapped - std::min(remapped, guard ? guard->sectors : 0); }
	const LiveSpare *spare(uint32_t number) const;
};

// An entry of the map. spare and its sector: of one that is mapped; no sector: the spare is missing.
struct LiveExtent {
	uint64_t sector = 0, sectors = 0;
	std::string_view kind;	// mapped, pending, in_doubt, lost, …
	std::optional<uint32_t> spare;
	std::optional<uint64_t> spare_sector;
	bool guarded = false;

	// It is served. Else it fails until it is written, or its spare is back.
	bool served() const { return kind == "mapped" && spare_sector; }
};

// A line of the answer to `list`. extent: the line is one.
struct ListLine {
	std::optional<LiveExtent> extent;
	std::optional<uint64_t> next;	// where to go on
	uint64_t generation = 0;	// of the last line of an answer

	static ListLine parse(const AnswerLines &line);
};

} // namespace dm_remap::tool

#endif
