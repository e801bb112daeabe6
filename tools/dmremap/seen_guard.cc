// SPDX-License-Identifier: GPL-2.0
#include "seen_guard.hh"

#include "answer.hh"
#include "os/device.hh"
#include "set_reader.hh"

#include "reassembly/range_reader.hh"

#include <dm_remap/lineage.hh>

#include <algorithm>
#include <cstring>

namespace dm_remap::tool {

namespace {

using format::GuardSector;

constexpr uint64_t near_sectors = 256; // btrfs has its superblock at 64 KiB, md the one of version 0.90 as far from the end

constexpr int most_failures = 4; // a dying disk takes seconds for each

// The first of these sectors that is a guard.
std::optional<GuardSector> find(reassembly::RangeReader &reader, uint64_t start, uint64_t end, uint64_t &sector)
{
	constexpr uint64_t piece = reassembly::RangeReader::piece_bytes / DMR_SECTOR_SIZE;
	int failures = 0;

	for (sector = start; sector < end && failures < most_failures;) {
		const std::span<const uint8_t> bytes = reader.bytes(sector * DMR_SECTOR_SIZE, DMR_SECTOR_SIZE);
		GuardSector guard;

		if (bytes.empty()) {
			failures++;
			sector += piece - sector % piece;
			continue;
		}
		std::memcpy(&guard, bytes.data(), sizeof(guard));
		if (format::is_guard(guard))
			return guard;
		sector++;
	}
	return {};
}

} // namespace

std::optional<SeenGuard> SeenGuard::look(dmr_device &device)
{
	const dmr_member_range all = {&device, 0, device.sectors()};
	const uint64_t near = std::min(near_sectors, all.sectors);
	reassembly::RangeReader reader(all);
	uint64_t sector = 0;

	for (const uint64_t start : {uint64_t{0}, all.sectors - near})
		if (const std::optional<GuardSector> guard = find(reader, start, start + near, sector))
			return SeenGuard(*guard, sector);
	return {};
}

std::string SeenGuard::set() const
{
	return uuid_text(guard_.set);
}

std::string SeenGuard::name() const
{
	constexpr std::string_view before = "dm-remap device '", behind = "': use";
	const std::string_view text(guard_.text, strnlen(guard_.text, sizeof(guard_.text)));
	const size_t start = text.find(before), end = text.find(behind);

	if (start == text.npos || end == text.npos || start + before.size() > end)
		return {};
	return shown(text.substr(start + before.size(), end - start - before.size()));
}

bool SeenGuard::is_of(const dmr_setup &setup) const
{
	return in_place() && (setup.features & DMR_FEATURE_GUARD) && same_uuid(guard_.set, setup.set_uuid) && same_uuid(guard_.main, setup.main_uuid);
}

std::string SeenGuard::text() const
{
	const std::string called = name().empty() ? "" : fmt::format(", of the device '{}'", name());

	return fmt::format("it is {} of set {}{}, and guarded: some of its blocks are on the set's spares; use the device that 'dmremap open {}' starts, and not "
			   "this disk",
			   in_place() ? "main" : "a part of main, or a copy of it at another place,", set(), called, set());
}

} // namespace dm_remap::tool
