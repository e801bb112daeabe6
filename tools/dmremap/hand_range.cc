// SPDX-License-Identifier: GPL-2.0
#include "hand_range.hh"

#include "exit_status.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

// The last sector, as those say it who count.
uint64_t last(const SectorRange &range)
{
	return range.end() - 1;
}

[[noreturn]] void no_such(const std::string &why)
{
	throw Failure(ExitStatus::usage, "usage", why);
}

void refuse_none(const SectorRange &named)
{
	if (!named.sectors)
		no_such("COUNT 0 names no sector: it is at least 1");
}

} // namespace

SectorRange hand_range(SectorRange named, uint64_t device_sectors)
{
	refuse_none(named);
	if (named.end() > device_sectors)
		no_such(fmt::format("sector {} is beyond the device, which has {} sectors of 512 bytes", last(named), device_sectors));
	return named;
}

SectorRange from_start_of(const SectorRange &main, SectorRange named)
{
	refuse_none(named);
	if (named.start < main.start || named.end() > main.end())
		no_such(fmt::format("sector {} of the disk is not in main, which has its sectors {} to {}",
				    named.start < main.start ? named.start : last(named), main.start, last(main)));
	named.start -= main.start;
	return named;
}

} // namespace dm_remap::tool
