// SPDX-License-Identifier: GPL-2.0
#include "swap_table.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

dm::Table swap_table(const CopyMap &map, const std::string &disk)
{
	dm::Table out;
	uint64_t at = 0;
	const auto linear = [&](uint64_t end) {
		if (at < end)
			out.push_back({at, end - at, "linear", fmt::format("{} {}", disk, at)});
		at = end;
	};

	map.each([&](const CopyMap::Run &run) {
		if (run.state != CopyState::bad)
			return;
		linear(run.start);
		out.push_back({run.start, run.sectors(), "error", ""});
		at = run.end;
	});
	linear(map.sectors());
	return out;
}

std::string table_text(const dm::Table &table)
{
	std::string out;

	for (const dm::Segment &segment : table)
		out += fmt::format("{} {} {}{}{}\n", segment.start, segment.sectors, segment.target, segment.text.empty() ? "" : " ", segment.text);
	return out;
}

} // namespace dm_remap::tool
