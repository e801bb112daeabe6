// SPDX-License-Identifier: GPL-2.0
#include "files/blocks.hh"

#include "machine/users.hh"

#include <algorithm>
#include <system_error>

namespace dm_remap::tool {

namespace {

FilesystemReport ask(const Place &place, const RangeSet &wanted)
{
	const FilesystemPlace filesystem = {place.type, place.path, place.number, place.mounts};

	if (place.type == "ext2" || place.type == "ext3" || place.type == "ext4")
		return look_at_ext(filesystem, wanted);
	if (place.type == "xfs")
		return look_at_xfs(filesystem, wanted);
	if (place.type == "btrfs")
		return look_at_btrfs(filesystem, wanted);
	throw Failure(ExitStatus::failed, "unknown", fmt::format("a filesystem of type {} is not looked through", place.type));
}

FilesystemReport look_at(const Place &place, Answer &answer)
{
	std::vector<Range> ranges;
	FilesystemReport out;

	for (const Part &part : place.parts)
		ranges.push_back({part.here, part.sectors});
	const RangeSet wanted(std::move(ranges));
	const auto all_are = [&](Found as) {
		for (const Range &range : wanted.ranges()) {
			as.sectors = range;
			out.found.push_back(as);
		}
	};

	if (place.all) {
		all_are(*place.all);
		return out;
	}
	try {
		answer.note(fmt::format("looking through the {} on {}", place.type, place.path));
		out = ask(place, wanted);
		if (place.mounts.empty() && out.behind.empty() && in_use(place.path))
			out.behind = "somebody uses it, who is not seen from here, as a container may";
	} catch (const Failure &failure) {
		all_are({{}, Kind::unknown, failure.what()});
	} catch (const std::system_error &error) {
		all_are({{}, Kind::unknown, error.what()});
	}
	if (!out.behind.empty()) {
		out.gaps.push_back(out.behind + ": what changed last was not seen; mount it once, and ask again");
		for (Found &found : out.found)
			if (found.kind == Kind::free)
				found = {found.sectors, Kind::unknown, fmt::format("it was free, but {}", out.behind)};
	}
	return out;
}

// May b go on where a ends?
bool continues(const Block &a, const Block &b)
{
	const Found &x = a.found, &y = b.found;

	return a.sectors.end() == b.sectors.start && a.place == b.place && a.cause == b.cause && x.sectors.end() == y.sectors.start && x.kind == y.kind &&
	       x.what == y.what && x.inode == y.inode && x.subvolume == y.subvolume && x.offset.has_value() == y.offset.has_value() &&
	       (!x.offset || *x.offset + x.sectors.count * 512 == *y.offset) && x.paths == y.paths;
}

void join(std::vector<Block> &blocks)
{
	std::vector<Block> out;

	for (Block &block : blocks) {
		if (out.empty() || !continues(out.back(), block)) {
			out.push_back(std::move(block));
			continue;
		}
		out.back().sectors.count += block.sectors.count;
		out.back().found.sectors.count += block.found.sectors.count;
	}
	blocks = std::move(out);
}

} // namespace

std::vector<Block> blocks_on(const dm::Device &device, const std::vector<BadRange> &bad, Answer &answer)
{
	std::vector<Range> ranges;
	std::vector<Block> out;

	for (const BadRange &range : bad)
		ranges.push_back(range.sectors);
	for (Place &found : places_of(device, RangeSet(std::move(ranges)))) {
		const auto place = std::make_shared<const Place>(std::move(found));
		const FilesystemReport report = look_at(*place, answer);

		for (const std::string &gap : report.gaps)
			answer.warn("incomplete", fmt::format("{} on {}: {}", place->type, place->path, gap));
		// Back down, cut where the stack or the cause changes.
		for (const Found &one : report.found) {
			each_part(place->parts, one.sectors, [&](const Part &part) {
				const Range below = {part.bottom, part.sectors};
				auto cause = std::upper_bound(bad.begin(), bad.end(), below.start,
							      [](uint64_t sector, const BadRange &range) { return sector < range.sectors.end(); });

				for (; cause != bad.end() && cause->sectors.start < below.end(); ++cause) {
					const Range sectors = common(below, cause->sectors);
					Found as = one;

					as.sectors = {part.here + (sectors.start - below.start), sectors.count};
					if (one.offset)
						as.offset = *one.offset + (as.sectors.start - one.sectors.start) * 512;
					out.push_back({sectors, cause->cause, place, std::move(as)});
				}
			});
		}
	}
	std::stable_sort(out.begin(), out.end(), [](const Block &a, const Block &b) { return a.sectors.start < b.sectors.start; });
	join(out);
	return out;
}

std::optional<std::string> mounted_path(const Place &place, const std::string &path)
{
	for (const Mount &mount : place.mounts) {
		const std::string target = mount.target == "/" ? "" : mount.target;

		if (mount.root == "/")
			return target + path;
		if (path.starts_with(mount.root + "/"))
			return target + path.substr(mount.root.size());
	}
	return {};
}

} // namespace dm_remap::tool
