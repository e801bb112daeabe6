// SPDX-License-Identifier: GPL-2.0
// What lies on blocks of a btrfs. The kernel is asked, whether or not it is mounted: from the device to the chunk, from that to addresses of the
// filesystem, and from these to files.
#include "exit_status.hh"
#include "files/btrfs_trees.hh"
#include "files/filesystem_root.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <algorithm>
#include <map>
#include <system_error>

namespace dm_remap::tool {

namespace {

constexpr uint64_t superblock_bytes = 4096;
constexpr uint64_t superblocks[] = {uint64_t{64} << 10, uint64_t{64} << 20, uint64_t{256} << 30};
constexpr uint64_t log_root_in_superblock = 96;
constexpr uint64_t reserved_bytes = uint64_t{1} << 20; // before the first chunk

// What was synced last may be in a log alone, which is replayed when it is mounted.
std::string why_behind(const FilesystemPlace &place)
{
	const Fd device(open(place.path.c_str(), O_RDONLY | O_CLOEXEC));
	uint64_t log_root = 0;

	if (device && pread(device.get(), &log_root, sizeof(log_root), static_cast<off_t>(superblocks[0] + log_root_in_superblock)) != sizeof(log_root))
		return "the superblock, which tells whether there is a log to be replayed, cannot be read";
	return log_root ? "the log has not been replayed" : "";
}

class BtrfsSearch final {
public:
	BtrfsSearch(const FilesystemPlace &place, const RangeSet &wanted) : wanted_(wanted)
	{
		if (place.mounts.empty())
			out_.behind = why_behind(place);
		root_ = filesystem_root(place,
					{{{{"rescue", "nologreplay"}}, ""},
					 {{{"rescue", "all"}}, "it can only be mounted with rescue=all: some of its trees are damaged, and what is in them is not known"}},
					out_.gaps);
		const std::optional<btrfs::DeviceInfo> device = btrfs::device_info(root_.get(), place.number);

		if (!device)
			throw Failure(ExitStatus::failed, "unreadable", fmt::format("{} is not among the devices of what is mounted", place.path));
		device_ = *device;
	}

	FilesystemReport run()
	{
		std::vector<Range> failed;

		for (const uint64_t at : superblocks)
			fixed({at / 512, superblock_bytes / 512}, at == superblocks[0] ? "superblock" : "copy of the superblock");
		for (const btrfs::DevicePart &part : btrfs::device_parts(root_.get(), device_.id)) {
			const Range sectors = {part.bytes.start / 512, part.bytes.count / 512};

			if (!wanted_.any_within(sectors))
				continue;
			try {
				look_at(part);
			} catch (const std::system_error &error) {
				out_.gaps.push_back(fmt::format("of the chunk at {}: {}", part.chunk, error.what()));
				failed.push_back(sectors);
			}
		}
		for (const Range &sectors : failed)
			unsaid(sectors, {{}, Kind::unknown, "trees of the filesystem that tell it cannot be read"});
		unsaid({0, reserved_bytes / 512}, {{}, Kind::free, "kept free for a boot loader"});
		unsaid({0, UINT64_MAX}, {{}, Kind::free, "in no chunk"});
		name();
		return std::move(out_);
	}

private:
	void say(const Range &sectors, const Found &as)
	{
		wanted_.each_within(sectors, [&](const Range &part) {
			Found found = as;

			found.sectors = part;
			said_.push_back(part);
			if (as.offset)
				found.offset = *as.offset + (part.start - sectors.start) * 512;
			out_.found.push_back(std::move(found));
		});
	}
	void fixed(const Range &sectors, const char *what) { say(sectors, {{}, Kind::metadata, what}); }
	void unsaid(const Range &sectors, const Found &as)
	{
		for (const Range &left : wanted_.without(RangeSet(said_)).ranges())
			if (const Range part = common(left, sectors); part.count)
				say(part, as);
	}

	void look_at(const btrfs::DevicePart &part)
	{
		const BtrfsChunk chunk = btrfs::chunk(root_.get(), part.chunk);
		std::vector<Range> wanted;

		wanted_.each_within({part.bytes.start / 512, part.bytes.count / 512}, [&](const Range &range) { wanted.push_back(range); });
		for (size_t stripe = 0; stripe < chunk.stripes.size(); stripe++) {
			if (chunk.stripes[stripe].device != device_.id || chunk.stripes[stripe].offset != part.bytes.start)
				continue;
			for (const Range &range : wanted) {
				const auto pieces = pieces_of(chunk, stripe, {range.start * 512, range.count * 512});

				if (!pieces) {
					say(range, {{}, Kind::unknown, fmt::format("it is in a chunk with {}, which is not looked through: btrfs scrub names the file",
										   chunk.profile())});
					continue;
				}
				for (const BtrfsPiece &piece : *pieces)
					look_at(chunk, piece);
			}
		}
	}

	void look_at(const BtrfsChunk &chunk, const BtrfsPiece &piece)
	{
		const std::string copies = chunk.has_copies() ? fmt::format("{}: btrfs has it elsewhere, too", chunk.profile()) : "";
		const RangeSet whole({{piece.logical, piece.length}});
		const RangeSet used = btrfs::allocated(root_.get(), whole.ranges().front(), device_.node_bytes);
		const auto sectors = [&](const Range &logical) {
			return Range{(piece.physical + (logical.start - piece.logical)) / 512, logical.count / 512};
		};

		for (const Range &left : whole.without(used).ranges())
			say(sectors(left), {{}, Kind::free});
		for (const Range &range : used.ranges()) {
			if (chunk.type & BTRFS_BLOCK_GROUP_DATA && !(chunk.type & BTRFS_BLOCK_GROUP_METADATA))
				look_at_data(range, sectors, copies);
			else
				say(sectors(range), {{}, Kind::metadata, copies.empty() ? "block of a tree" : "block of a tree, " + copies});
		}
	}

	// Which files, block by block: each may be of others.
	template <typename Sectors>
	void look_at_data(const Range &range, const Sectors &sectors, const std::string &copies)
	{
		for (uint64_t at = range.start; at < range.end();) {
			const uint64_t block = at / device_.sector_bytes * device_.sector_bytes;
			const Range part = {at, std::min(range.end(), block + device_.sector_bytes) - at};
			const std::vector<btrfs::Reference> files = btrfs::references(root_.get(), block);

			at = part.end();
			if (files.empty())
				say(sectors(part), {{}, Kind::free, "a part of an extent that no file has any more"});
			for (const btrfs::Reference &file : files) {
				// The tree of roots has files of its own, for the free space.
				if (file.subvolume == BTRFS_ROOT_TREE_OBJECTID)
					say(sectors(part), {{}, Kind::metadata, "cache of free space", file.inode});
				else
					say_of_file(sectors(part), {{}, Kind::file, copies, file.inode, file.subvolume, file.offset + (part.start - block)});
			}
		}
	}

	// One finding a file, as long as its blocks lie side by side.
	void say_of_file(const Range &sectors, const Found &as)
	{
		const auto [last, is_new] = last_.try_emplace({*as.subvolume, *as.inode}, out_.found.size());
		Found *before = is_new ? nullptr : &out_.found[last->second];

		if (before && before->sectors.end() == sectors.start && *before->offset + before->sectors.count * 512 == *as.offset && before->what == as.what) {
			before->sectors.count += sectors.count;
			said_.push_back(sectors);
			return;
		}
		last->second = out_.found.size();
		say(sectors, as);
	}

	void name()
	{
		btrfs::Names names(root_.get());

		for (Found &found : out_.found) {
			if (!found.subvolume)
				continue;
			const auto [at, is_new] = names_.try_emplace({*found.subvolume, *found.inode});

			try {
				if (is_new)
					at->second = names.of(*found.subvolume, *found.inode);
			} catch (const std::system_error &error) {
				out_.gaps.push_back(fmt::format("names of inode {} of subvolume {}: {}", *found.inode, *found.subvolume, error.what()));
			}
			found.paths = at->second;
		}
	}

	const RangeSet &wanted_;
	Fd root_;
	btrfs::DeviceInfo device_;
	std::vector<Range> said_;
	std::map<std::pair<uint64_t, uint64_t>, size_t> last_;
	std::map<std::pair<uint64_t, uint64_t>, std::vector<std::string>> names_;
	FilesystemReport out_;
};

} // namespace

FilesystemReport look_at_btrfs(const FilesystemPlace &place, const RangeSet &wanted)
{
	return BtrfsSearch(place, wanted).run();
}

} // namespace dm_remap::tool
