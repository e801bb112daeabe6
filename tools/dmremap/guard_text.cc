// SPDX-License-Identifier: GPL-2.0
#include "guard_text.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

std::string guard_text(const LiveGuard &guard)
{
	const std::string sectors = fmt::format("{} sectors", guard.sectors);

	if (guard.missing)
		return fmt::format("{}, {}, {} of them without their guard on main", guard.state, sectors, guard.missing);
	return guard.state == "unknown" ? sectors + ", and it is not known whether main has its guard on all of them" : fmt::format("{}, {}", guard.state, sectors);
}

void write_guard(JsonWriter &out, const std::optional<LiveGuard> &guard)
{
	if (!guard) {
		out.null("guard");
		return;
	}
	out.begin_object("guard", JsonWriter::Style::compact);
	out.value("state", guard->state);
	out.value("sectors", guard->sectors);
	out.value("missing_sectors", guard->missing);
	out.value("main_uuid", guard->main_uuid);
	out.end();
}

} // namespace dm_remap::tool
