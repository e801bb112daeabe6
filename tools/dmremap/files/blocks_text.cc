// SPDX-License-Identifier: GPL-2.0
#include "files/blocks_text.hh"

#include <algorithm>
#include <map>
#include <set>

namespace dm_remap::tool {

namespace {

constexpr size_t most_ranges = 8; // in a line

const char *kind_word(Kind kind)
{
	switch (kind) {
	case Kind::file:
		return "file";
	case Kind::free:
		return "free";
	case Kind::metadata:
		return "metadata";
	case Kind::swap:
		return "swap";
	case Kind::unknown:
		break;
	}
	return "unknown";
}

// What several files have is there several times.
RangeSet sectors_of(const std::vector<Block> &blocks)
{
	std::vector<Range> out;

	for (const Block &block : blocks)
		out.push_back(block.sectors);
	return RangeSet(std::move(out));
}

std::string list_of(const std::vector<Range> &ranges)
{
	const std::vector<Range> all = RangeSet(ranges).ranges();
	std::string out;

	for (size_t i = 0; i < std::min(all.size(), most_ranges); i++)
		out += fmt::format("{}{}{}", i ? ", " : "", all[i].start, all[i].count > 1 ? fmt::format("+{}", all[i].count) : "");
	return all.size() > most_ranges ? out + fmt::format(" and {} more", all.size() - most_ranges) : out;
}

std::string names_of(const Block &block)
{
	std::string out;

	for (const std::string &path : block.found.paths)
		out += (out.empty() ? "" : " = ") + shown(mounted_path(*block.place, path).value_or(path));
	if (out.empty() && block.found.inode)
		out = fmt::format("inode {}{}, of which no name is known", *block.found.inode,
				  block.found.subvolume ? fmt::format(" of subvolume {}", *block.found.subvolume) : "");
	return out;
}

// What a line is about: all blocks with the same words share it.
std::string subject_of(const Block &block)
{
	const std::string names = names_of(block), where = fmt::format("on {}", block.place->path);
	const bool can_be_opened = !block.found.paths.empty() && mounted_path(*block.place, block.found.paths.front());
	std::string out = names;

	if (!block.found.what.empty())
		out += out.empty() ? block.found.what : fmt::format(" ({})", block.found.what);
	// A path that can be opened says where it is.
	if (!can_be_opened)
		out += (out.empty() ? "" : ", ") + where;
	return out;
}

// Commands for what holds a filesystem together: data first.
std::string mend(const Place &place)
{
	const std::string first = "copy off what can be read first; then ";

	if (place.type.starts_with("ext"))
		return first + fmt::format("unmount it, and 'e2fsck -f {}' writes what is broken anew", place.path);
	if (place.type == "xfs")
		return first + fmt::format("unmount it, and 'xfs_repair {}'", place.path);
	if (place.type == "btrfs")
		return first + fmt::format("'btrfs scrub start {}' mends what it has a copy of", place.mounts.empty() ? "FOLDER" : place.mounts.front().target);
	if (place.type == "crypto_LUKS")
		return fmt::format("as long as it is open: copy off what is in it, and make it anew; 'cryptsetup luksHeaderBackup {}' may still save the header",
				   place.path);
	return first + "make it anew";
}

} // namespace

std::vector<std::string> block_advice(const std::vector<Block> &blocks)
{
	std::vector<std::string> out;
	std::set<Kind> kinds;
	std::set<std::string> mends;

	for (const Block &block : blocks) {
		kinds.insert(block.found.kind);
		if (block.found.kind == Kind::metadata)
			mends.insert(fmt::format("metadata on {}: {}.", block.place->path, mend(*block.place)));
	}
	if (std::any_of(blocks.begin(), blocks.end(), [](const Block &block) { return block.cause == "spare_missing"; }))
		out.push_back("Some of it is on a spare that is missing: find that first ('dmremap status'), and nothing of this is lost.");
	if (kinds.contains(Kind::file))
		out.push_back("file: copy off what can be read of it, then restore it from a backup, or write it anew: a block heals when it is written. What a file "
			    "had that is deleted or replaced is free.");
	for (const std::string &text : mends)
		out.push_back(text);
	if (kinds.contains(Kind::free))
		out.push_back("free: nothing is lost; it heals when it is written next.");
	if (kinds.contains(Kind::swap))
		out.push_back("swap: 'swapoff', then 'mkswap' and 'swapon'; a program of which memory is there ends when it needs it.");
	if (kinds.contains(Kind::unknown))
		out.push_back("unknown: see there. Before anything else copy off what can be read.");
	return out;
}

std::vector<BlockLine> block_lines(const std::vector<Block> &blocks)
{
	struct Line {
		Kind kind;
		std::string subject;
		std::vector<Range> sectors;
	};
	std::vector<Line> lines;
	std::vector<BlockLine> out;
	std::map<std::pair<Kind, std::string>, size_t> known;

	for (const Block &block : blocks) {
		std::string subject = subject_of(block);
		const auto [at, is_new] = known.try_emplace({block.found.kind, subject}, lines.size());

		if (is_new)
			lines.push_back({block.found.kind, std::move(subject), {}});
		lines[at->second].sectors.push_back(block.sectors);
	}
	std::stable_sort(lines.begin(), lines.end(), [](const Line &a, const Line &b) { return a.kind < b.kind; });
	for (Line &line : lines)
		out.push_back({kind_word(line.kind), std::move(line.subject), list_of(line.sectors)});
	return out;
}

uint64_t sectors_in(const std::vector<Block> &blocks)
{
	return sectors_of(blocks).count();
}

void print_blocks(Answer &answer, const std::string &device, const std::vector<Block> &blocks, bool unreadable)
{
	if (blocks.empty()) {
		answer.line("{}: no sector is known that cannot be read", device);
		return;
	}
	answer.line("{}: {} sectors{}", device, sectors_in(blocks), unreadable ? " cannot be read" : "");
	for (const BlockLine &line : block_lines(blocks))
		answer.line("{:<8} {}: {}", line.kind, line.subject, line.sectors);
	if (!unreadable)
		return;
	answer.line("");
	for (const std::string &text : block_advice(blocks))
		answer.line("{}", text);
}

void write_blocks(JsonWriter &out, const std::vector<Block> &blocks)
{
	out.value("sectors", sectors_in(blocks));
	out.begin_array("blocks");
	for (const Block &block : blocks) {
		const Found &found = block.found;

		out.begin_object({}, JsonWriter::Style::compact);
		out.value("sector", block.sectors.start);
		out.value("sectors", block.sectors.count);
		out.value("cause", block.cause);
		out.word("kind", kind_word(found.kind));
		out.value("what", found.what.empty() ? std::nullopt : std::optional(found.what));
		out.begin_array("layers", JsonWriter::Style::compact);
		for (const std::string &layer : block.place->layers)
			out.value({}, layer);
		out.end();
		out.value("device", block.place->path);
		out.value("device_sector", found.sectors.start);
		out.value("type", block.place->type.empty() ? std::nullopt : std::optional(block.place->type));
		out.value("inode", found.inode);
		out.value("subvolume", found.subvolume);
		out.value("offset", found.offset);
		out.begin_array("paths", JsonWriter::Style::compact);
		for (const std::string &path : found.paths)
			out.value({}, path);
		out.end();
		out.begin_array("mounted_paths", JsonWriter::Style::compact);
		for (const std::string &path : found.paths)
			out.value({}, mounted_path(*block.place, path));
		out.end();
		out.end();
	}
	out.end();
}

} // namespace dm_remap::tool
