// SPDX-License-Identifier: GPL-2.0
#include "live_status.hh"

#include "exit_status.hh"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

[[noreturn]] void not_understood(std::string_view what)
{
	throw Failure(ExitStatus::failed, "device-mapper", fmt::format("the modules' answer is not understood: '{}'", what));
}

LiveSpare spare_of(const AnswerLines &line)
{
	return {
		.number = static_cast<uint32_t>(line.number("number")),
		.device = std::string(line.value("device")),
		.state = std::string(line.value("state")),
		.start = line.number("start"),
		.total = line.number("total_sectors"),
		.used = line.number("used_sectors"),
		.bad = line.number("bad_sectors"),
	};
}

LiveJob job_of(const AnswerLines &line)
{
	LiveJob job = {
		.kind = std::string(line.value("kind")),
		.state = std::string(line.value("state")),
		.from = line.number("from"),
		.end = line.number("end"),
		.at = line.number("at"),
		.moved = line.number("moved_sectors"),
		.unreadable = line.number("unreadable_sectors"),
		.refused = line.number("refused_sectors"),
	};

	if (job.kind.empty() || job.state.empty())
		not_understood("job");
	// Its numbers may be of two moments, at the start of another one.
	job.at = std::clamp(job.at, job.from, std::max(job.from, job.end));
	return job;
}

LiveScrub scrub_of(const AnswerLines &line)
{
	LiveScrub scrub = {
		.state = std::string(line.value("state")),
		.at = line.number("at"),
		.end = line.number("end"),
		.rate = static_cast<uint32_t>(line.number("rate")),
		.begun = line.number("begun"),
		.last_complete = line.number("last_complete"),
		.read = line.number("read_sectors"),
		.rescued = line.number("rescued_sectors"),
		.pending = line.number("pending_sectors"),
		.spare_moved = line.number("spare_moved_sectors"),
		.spare_unreadable = line.number("spare_unreadable_sectors"),
	};

	if (scrub.state.empty())
		not_understood("scrub");
	// Of a table that has become shorter.
	scrub.at = std::min(scrub.at, scrub.end);
	return scrub;
}

LiveGuard guard_of(const AnswerLines &line)
{
	LiveGuard guard = {
		.state = std::string(line.value("state")),
		.sectors = line.number("sectors"),
		.missing = line.number("missing_sectors"),
		.main_uuid = std::string(line.value("main_uuid")),
	};

	if (guard.state.empty())
		not_understood("guard");
	return guard;
}

void take_main(LiveStatus &status, const AnswerLines &line)
{
	status.main_sectors = line.number("sectors");
	status.block_bytes = static_cast<uint32_t>(line.number("block_bytes"));
	if (const std::optional<uint64_t> bytes = line.number_if_any("physical_block_bytes"))
		status.physical_block_bytes = static_cast<uint32_t>(*bytes);
}

void take_map(LiveStatus &status, const AnswerLines &line)
{
	status.generation = line.number("generation");
	status.extents = line.number("extents");
	status.max_extents = line.number("max_extents");
	status.mappings = line.number("mappings");
	status.remapped = line.number("remapped_sectors");
	status.pending = line.number("pending_sectors");
	status.lost = line.number_if_any("lost_sectors").value_or(0);
}

void take_pool(LiveStatus &status, const AnswerLines &line)
{
	status.pool_total = line.number("total_sectors");
	status.pool_used = line.number("used_sectors");
	status.pool_bad = line.number("bad_sectors");
	status.pool_free = line.number("free_sectors");
}

} // namespace

bool AnswerLines::next()
{
	if (rest_.empty())
		return false;
	line_ = rest_.substr(0, rest_.find('\n'));
	rest_.remove_prefix(std::min(line_.size() + 1, rest_.size()));
	const std::string_view first = line_.substr(0, line_.find(' '));

	subject_ = first.find('=') == first.npos ? first : std::string_view();
	return true;
}

std::string_view AnswerLines::value(std::string_view key) const
{
	for (std::string_view rest = line_; !rest.empty();) {
		const std::string_view word = rest.substr(0, rest.find(' '));

		if (word.size() > key.size() && word[key.size()] == '=' && word.starts_with(key))
			return word.substr(key.size() + 1);
		rest.remove_prefix(std::min(word.size() + 1, rest.size()));
	}
	return {};
}

std::optional<uint64_t> AnswerLines::number_if_any(std::string_view key) const
{
	const std::string_view text = value(key);
	uint64_t number = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);

	if (text.empty())
		return {};
	if (error != std::errc() || end != text.data() + text.size())
		not_understood(line_);
	return number;
}

uint64_t AnswerLines::number(std::string_view key) const
{
	const std::optional<uint64_t> number = number_if_any(key);

	if (!number)
		not_understood(line_);
	return *number;
}

LiveStatus LiveStatus::parse(std::string_view answer)
{
	LiveStatus status;
	bool map = false, pool = false;

	for (AnswerLines line(answer); line.next();) {
		if (line.subject() == "main") {
			take_main(status, line);
		} else if (line.subject() == "map") {
			take_map(status, line);
			map = true;
		} else if (line.subject() == "pool") {
			take_pool(status, line);
			pool = true;
		} else if (line.subject() == "spare") {
			status.spares.push_back(spare_of(line));
		} else if (line.subject() == "removing") {
			status.removal = {.number = static_cast<uint32_t>(line.number("number")),
					  .moved = line.number("moved_sectors"),
					  .left = line.number("left_sectors"),
					  .seconds = line.number_if_any("seconds")};
		} else if (line.subject() == "job") {
			status.job = job_of(line);
		} else if (line.subject() == "scrub") {
			status.scrub = scrub_of(line);
		} else if (line.subject() == "guard") {
			status.guard = guard_of(line);
		} else if (!line.value("mode").empty()) {
			status.mode = line.value("mode");
			status.health = line.number("health");
		}
	}
	if (status.mode.empty() || !status.block_bytes || !map || !pool)
		not_understood(answer);
	return status;
}

const LiveSpare *LiveStatus::spare(uint32_t number) const
{
	const auto found = std::find_if(spares.begin(), spares.end(), [&](const LiveSpare &spare) { return spare.number == number; });

	return found == spares.end() ? nullptr : &*found;
}

ListLine ListLine::parse(const AnswerLines &line)
{
	ListLine out;

	if (line.subject() == "extent") {
		out.extent = {.sector = line.number("main"),
			      .sectors = line.number("sectors"),
			      .kind = line.value("kind"),
			      .spare = line.number_if_any("spare"),
			      .spare_sector = line.number_if_any("spare_sector"),
			      .guarded = line.number_if_any("guarded").value_or(0) == 1};
		return out;
	}
	out.generation = line.number("generation");
	if (line.subject() != "end")
		out.next = line.number("next");
	return out;
}

} // namespace dm_remap::tool
