// SPDX-License-Identifier: GPL-2.0
#include "report/facts.hh"

#include "files/blocks_text.hh"
#include "files/unreadable.hh"
#include "machine/drives.hh"
#include "machine/judged_json.hh"
#include "os/host_name.hh"

#include <ctime>
#include <system_error>

namespace dm_remap::tool {

namespace {

// So many that a cell of a large disk is small, and few enough for a page.
constexpr uint64_t most_cells = 64 * 36;

// f, or why it has failed.
template <typename F>
auto known(F f) -> Known<decltype(f())>
{
	try {
		return {f(), ""};
	} catch (const Failure &failure) {
		return {{}, failure.what()};
	} catch (const std::system_error &error) {
		return {{}, error.what()};
	}
}

Known<std::vector<Block>> blocks_of(Answer &answer, const Running &device, const std::vector<BadRange> &bad)
{
	if (device.device().suspended)
		return {{}, fmt::format("{0} is suspended, and reading it would wait: 'dmsetup resume {0}'", device.name())};
	return known([&] { return blocks_on(device.device(), bad, answer); });
}

void write_cells(JsonWriter &out, const std::optional<MainCells> &picture)
{
	if (!picture)
		return out.null("map");
	out.begin_object("map");
	out.value("main_sectors", picture->main_sectors());
	out.value("cell_sectors", picture->cell_sectors());
	out.begin_array("cells");
	for (size_t i = 0; i < picture->cells().size(); i++) {
		const Cell &cell = picture->cells()[i];

		if (cell.well())
			continue;
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("sector", i * picture->cell_sectors());
		out.value("remapped_sectors", cell.mapped);
		out.value("guarded_sectors", cell.guarded);
		out.value("unreadable_sectors", cell.unreadable);
		out.end();
	}
	out.end();
	out.end();
}

} // namespace

ReportFacts report_on(Answer &answer, const Machine &machine, const JudgedSet &set)
{
	ReportFacts out = {.time = static_cast<uint64_t>(std::time(nullptr)), .host = host_name(), .set = set};

	if (!set.running) {
		if (!set.set.empty())
			out.history = history_of(answer, set.set);
		out.drives.why_not = out.blocks.why_not = "it does not run";
	} else {
		const Running &device = *set.running;

		for (const LiveSpare &spare : set.live->spares)
			out.spare_paths.push_back(path_of_spare(machine, device, *set.live, spare));
		out.cells.emplace(set.live->main_sectors, set.live->block_bytes, most_cells);
		const std::vector<BadRange> bad = unreadable_on(answer, device, [&](const LiveExtent &extent) {
			out.cells->add(extent.sector, extent.sectors, !extent.served() ? &Cell::unreadable : extent.guarded ? &Cell::guarded : &Cell::mapped);
		});

		out.health = health_of(answer, machine, device);
		out.history = out.health->history;
		out.drives = known([&] { return ask_drives(answer, machine, device, *set.live); });
		if (out.drives.value)
			out.set.judgement.add(judge_drives(*out.drives.value));
		else
			answer.warn("drives", out.drives.why_not);
		out.blocks = blocks_of(answer, device, bad);
		if (!out.blocks.value)
			answer.warn("files", out.blocks.why_not);
	}
	out.warnings = answer.warned();
	return out;
}

void write_report(JsonWriter &out, const Machine &machine, const ReportFacts &facts)
{
	out.value("time", facts.time);
	out.value("host", facts.host.empty() ? std::nullopt : std::optional(facts.host));
	out.begin_object("device");
	write_judged(out, machine, facts.set);
	out.end();
	write_cells(out, facts.cells);
	if (facts.health) {
		out.begin_object("health");
		write_health(out, *facts.health);
		out.end();
	} else {
		out.null("health");
	}
	write_history(out, facts.history);
	if (facts.drives.value)
		write_drives(out, *facts.drives.value);
	else
		out.null("drives");
	if (facts.blocks.value) {
		out.begin_object("unreadable");
		write_blocks(out, *facts.blocks.value);
		out.end();
	} else {
		out.null("unreadable");
	}
}

} // namespace dm_remap::tool
