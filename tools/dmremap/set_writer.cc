// SPDX-License-Identifier: GPL-2.0
#include "set_writer.hh"

#include "roles.hh"

#include "metadata/offline/locate.hh"
#include "metadata/store.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

constexpr uint32_t piece_sectors = 1024;

// The first sector of the range, from its start, that is not zero within the first `sectors`.
std::optional<uint64_t> first_nonzero(const Member &member, uint64_t sectors)
{
	const size_t bytes = size_t{piece_sectors} * DMR_SECTOR_SIZE;
	const std::unique_ptr<void, void (*)(void *)> buffer(dmr_io_buffer_alloc(bytes), dmr_free);

	if (!buffer)
		throw std::bad_alloc();
	for (uint64_t at = 0; at < sectors; at += piece_sectors) {
		const uint32_t n = static_cast<uint32_t>(std::min<uint64_t>(piece_sectors, sectors - at));

		if (member.device->read(member.range.start + at, buffer.get(), n) != DMR_STS_OK)
			throw Failure(ExitStatus::failed, "unreadable",
				      fmt::format("{}: sector {}, or one of the next {}, cannot be read: name another spare", member.path(),
						  member.range.start + at, n - 1));
		for (uint32_t i = 0; i < n; i++)
			if (!metadata::all_zero(static_cast<uint8_t *>(buffer.get()) + i * DMR_SECTOR_SIZE, DMR_SECTOR_SIZE))
				return at + i;
	}
	return {};
}

void ask_about_unfinished(const Member &target, Answer &answer)
{
	answer.confirm(fmt::format("{}: {}. What it left is overwritten.", target.path(), what_is_on(target)));
}

} // namespace

Member open_target(const MemberName &name, const dmr_member_entry *entry, const dmr_setup &setup)
{
	Member target;
	char reason[DMR_REASON_SIZE] = "";

	target.name = name;
	target.device = std::make_unique<dmr_device>(name.path, os::Access::write);
	const uint64_t end = target.device->sectors();
	const uint64_t start = name.start.value_or(entry ? metadata::start_of(*entry, setup) : 0);
	const uint64_t sectors = name.sectors.value_or(entry ? entry->sectors : start < end ? end - start : 0);

	if (start > end || sectors > end - start || !sectors)
		throw Failure(ExitStatus::failed, "too-small",
			      fmt::format("{}: {} sectors from {} on are needed, and it ends at {}", target.path(), sectors, start, end));
	target.range = {target.device.get(), start, sectors};
	if (metadata_ops.probe(&target.range, &target.probe, reason))
		target.unreadable = os::name_paths(reason);
	return target;
}

bool same_device(const Member &a, const Member &b)
{
	return a.device->number() == b.device->number() && a.device->inode() == b.device->inode();
}

void refuse_overlap(const Member &target, std::span<const Member> others)
{
	const dmr_member_range &range = target.range;

	for (const Member &other : others)
		if (same_device(target, other) && range.start < other.range.start + other.range.sectors &&
		    other.range.start < range.start + range.sectors)
			throw Failure(ExitStatus::would_lose, "same-device",
				      fmt::format("{} has the same sectors as {}: each spare needs a place of its own", target.path(), other.path()));
}

void refuse_unless_blank(const Member &target, Answer &answer)
{
	if (target.unreadable.empty() && target.probe.verdict == DMR_PROBE_BLANK)
		return;
	if (!target.is_member() && metadata::formatting_begun(target.range))
		return ask_about_unfinished(target, answer);
	throw Failure(ExitStatus::would_lose, "not-blank",
		      fmt::format("{}: {}. Name a blank one; if nothing on it is wanted, 'blkdiscard -z' makes it blank, and destroys what is there",
				  target.path(), what_is_on(target)));
}

void refuse_unless_area_blank(const Member &target, const dmr_member_entry &entry, Answer &answer)
{
	const std::optional<uint64_t> found = first_nonzero(target, entry.data_start);

	if (!found)
		return;
	if (!target.is_member() && metadata::formatting_begun(target.range))
		return ask_about_unfinished(target, answer);
	throw Failure(ExitStatus::would_lose, "not-blank",
		      fmt::format("{}: sector {} of its metadata area is not zero: {}. If nothing there is wanted, zero sectors {} to {} of the device",
				  target.path(), target.range.start + *found, what_is_on(target), target.range.start,
				  target.range.start + entry.data_start - 1));
}

void write_set(const dmr_setup &setup, const std::array<const Member *, DMR_MAX_MEMBERS> &targets, MapState &map, uint64_t generation)
{
	std::array<dmr_member_range, DMR_MAX_MEMBERS> ranges = {};
	const auto store = std::make_unique<metadata::Store>();
	char text[DMR_REASON_SIZE] = "";
	metadata::Reason reason(text);
	const dmr_record_source source = map.source();

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++)
		if (targets[i])
			ranges[i] = targets[i]->range;
	Error error = store->init({nullptr, ranges.data(), setup.member_count, false, &setup}, reason);

	if (!error)
		error = store->restore(source, Generation(generation), reason);
	store->destroy();
	if (error)
		throw Failure(ExitStatus::failed, error.code() == EIO ? "io" : "refused", os::name_paths(text));
}

} // namespace dm_remap::tool
