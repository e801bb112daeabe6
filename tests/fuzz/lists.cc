// SPDX-License-Identifier: GPL-2.0
// Lists of bad blocks for dmremap import: each is refused with a place, or means sectors that main has.
//
// The first byte says of which kind the rest is.
#include "exit_status.hh"
#include "lists/plan.hh"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace dm_remap::tool;

constexpr uint64_t disk_sectors = 1u << 20, main_start = 2048, main_sectors = disk_sectors - 2 * main_start;

[[noreturn]] void complain(const std::string &what)
{
	std::fprintf(stderr, "%s\n", what.c_str());
	std::abort();
}

BlockList read(char kind, std::string_view text)
{
	switch (kind) {
	case 'b':
		return read_badblocks(text);
	case 'd':
		return read_ddrescue(text, Mapped::failed);
	case 'n':
		return read_ddrescue(text, Mapped::bad_sectors);
	default:
		return read_smart(text);
	}
}

void check_refusal(const Failure &failure)
{
	const std::string_view text = failure.what();

	if (failure.id() != "list" || !(text.starts_with("line ") || text.starts_with("at its end: ") || text.starts_with("$")))
		complain("refused without a place: " + std::string(text));
}

void check_runs(const BlockList &list)
{
	for (const ListedRun &run : list.runs) {
		if (!run.count || run.first >= uint64_t{1} << 63 || run.count > (uint64_t{1} << 63) - run.first)
			complain("a run that is none");
		if (!list.places.empty() && run.where >= list.places.size())
			complain("a run without a place");
	}
	if (list.unit && *list.unit != 1 && !is_unit(*list.unit))
		complain("a unit that is none");
}

void check_plan(const BlockList &list, uint64_t unit, uint32_t block_bytes, const ListedDevice &device)
{
	const uint64_t block = block_bytes / 512;
	uint64_t sectors = 0, end = 0;
	const ImportPlan plan = plan_import(list, unit, block_bytes, device, "");

	for (const Range &range : plan.ranges.ranges()) {
		if (!range.count || range.end() > device.main.sectors || range.start % block || range.count % block)
			complain("not in whole blocks of main");
		if (sectors && range.start <= end)
			complain("ranges that touch");
		sectors += range.count;
		end = range.end();
	}
	if (sectors != plan.sectors)
		complain("another sum");
	// Each that counts is in it.
	for (const ListedRun &run : list.runs) {
		if (run.bits < 64 && (run.first == (uint64_t{1} << run.bits) - 1 || device.sectors * 512 / unit >> run.bits))
			continue;
		const uint64_t first = run.first * unit / 512;
		const Range wanted = common({first, ((run.first + run.count) * unit + 511) / 512 - first}, {device.main.start, device.main.sectors});

		plan.ranges.each_within({wanted.start - (wanted.count ? device.main.start : 0), wanted.count}, [&](const Range &part) {
			if (part.count != wanted.count)
				complain("a part is missing");
		});
		if (wanted.count && !plan.ranges.any_within({wanted.start - device.main.start, wanted.count}))
			complain("an entry is missing");
	}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const std::string_view text(reinterpret_cast<const char *>(data), size);

	if (text.empty())
		return 0;
	try {
		const BlockList list = read(text[0], text.substr(1));

		check_runs(list);
		check_plan(list, list.unit.value_or(1024), 512, {"/dev/main", disk_sectors, {0, disk_sectors}});
		check_plan(list, list.unit.value_or(4096), 4096, {"/dev/disk", disk_sectors, {main_start, main_sectors}});
	} catch (const Failure &failure) {
		check_refusal(failure);
	}
	return 0;
}
