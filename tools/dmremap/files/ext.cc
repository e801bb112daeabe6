// SPDX-License-Identifier: GPL-2.0
// What lies on blocks of an ext2, ext3 or ext4. The library rather than debugfs: that gives up where a bitmap cannot be read, and here
// some of them cannot.
#include "exit_status.hh"
#include "files/ext_filesystem.hh"
#include "os/fd.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

class ExtSearch final {
public:
	ExtSearch(const FilesystemPlace &place, const RangeSet &wanted)
		: fs_(place), mounted_(!place.mounts.empty()), wanted_(wanted), clusters_(wanted.rounded_out(fs_.cluster_sectors()))
	{
	}

	FilesystemReport run()
	{
		ext2_super_block &super = *fs_.get()->super;

		if (!mounted_ && ext2fs_has_feature_journal_needs_recovery(&super))
			out_.behind = "the journal has not been replayed";
		if (fs_.from_copy())
			out_.gaps.push_back("the superblock or the group descriptors cannot be read: the first copy of them was used");
		for (dgrp_t group = 0; group < fs_.get()->group_desc_count; group++)
			fs_.each_fixed(group, [&](const Range &at, const std::string &what) { metadata(at, what); });
		if (super.s_first_data_block)
			metadata(fs_.sectors_of(0), "boot block");
		if (ext2fs_has_feature_mmp(fs_.get()->super))
			metadata(fs_.sectors_of(super.s_mmp_block), "block of multiple mount protection");
		if (const uint64_t unreadable = fs_.each_inode([&](ext2_ino_t number, ext2_inode &inode) { look_at(number, inode); }))
			out_.gaps.push_back(fmt::format("{} inodes cannot be read: which blocks they have is not known", unreadable));
		name();
		rest();
		return std::move(out_);
	}

private:
	// What an inode has, as its blocks are looked through.
	struct Owner {
		ExtSearch *search;
		Found as;
		size_t first;	// of its findings
	};

	void metadata(const Range &at, const std::string &what) { claim(at, {{}, Kind::metadata, what}); }

	// Of bigalloc's clusters the whole is taken, whichever blocks of it are in use.
	void claim(const Range &at, const Found &as, size_t join_from = SIZE_MAX)
	{
		if (!clusters_.any_within(at))
			return;
		const uint64_t cluster = fs_.cluster_sectors();

		taken_.push_back({at.start / cluster * cluster, (at.end() + cluster - 1) / cluster * cluster - at.start / cluster * cluster});
		wanted_.each_within(at, [&](const Range &part) {
			Found found = as;

			found.sectors = part;
			if (as.offset)
				found.offset = *as.offset + (part.start - at.start) * 512;
			claimed_.push_back(part);
			if (Found *last = out_.found.size() > join_from ? &out_.found.back() : nullptr; last && continues(*last, found))
				last->sectors.count += part.count;
			else
				out_.found.push_back(std::move(found));
		});
	}

	static bool continues(const Found &last, const Found &next)
	{
		return last.sectors.end() == next.sectors.start && last.kind == next.kind && last.what == next.what &&
		       last.offset.has_value() == next.offset.has_value() &&
		       (!last.offset || *last.offset + last.sectors.count * 512 == *next.offset);
	}

	// What an inode's own blocks are.
	static std::pair<Kind, std::string> nature(const ext2_super_block &super, ext2_ino_t number, const ext2_inode &inode)
	{
		if (number == EXT2_BAD_INO)
			return {Kind::metadata, "on the list of bad blocks, which nothing uses"};
		if (number == super.s_journal_inum)
			return {Kind::metadata, "journal"};
		if (number == EXT2_RESIZE_INO)
			return {Kind::metadata, "room for group descriptors"};
		if (number == EXT4_USR_QUOTA_INO || number == EXT4_GRP_QUOTA_INO || number == super.s_prj_quota_inum)
			return {Kind::metadata, "quota"};
		if (number == super.s_orphan_file_inum)
			return {Kind::metadata, "list of orphans"};
		if (number < EXT2_FIRST_INODE(&super) && number != EXT2_ROOT_INO)
			return {Kind::metadata, "reserved inode"};
		if (inode.i_flags & EXT4_EA_INODE_FL)
			return {Kind::metadata, "value of an extended attribute"};
		if (LINUX_S_ISDIR(inode.i_mode))
			return {Kind::metadata, "directory"};
		return {Kind::file, LINUX_S_ISLNK(inode.i_mode) ? "symbolic link" : ""};
	}

	void look_at(ext2_ino_t number, ext2_inode &inode)
	{
		const bool deleted = !inode.i_links_count && number >= EXT2_FIRST_INODE(fs_.get()->super);

		// What was deleted and is still open is in use; what is gone may have its list of blocks yet.
		if (!inode.i_mode && number >= EXT2_FIRST_INODE(fs_.get()->super))
			return;
		if (deleted && (!ext2fs_inode_i_blocks(fs_.get(), &inode) || !fs_.inode_in_use(number)))
			return;
		if (LINUX_S_ISDIR(inode.i_mode) && !deleted)
			directories_.push_back(number);
		const auto [kind, what] = nature(*fs_.get()->super, number, inode);
		Owner owner = {this, {{}, kind, what, number}, out_.found.size()};

		if (const blk64_t attributes = ext2fs_file_acl_block(fs_.get(), &inode))
			claim(fs_.sectors_of(attributes), {{}, Kind::metadata, "extended attributes", number});
		if (!ext2fs_inode_has_valid_blocks2(fs_.get(), &inode))
			return;
		if (const errcode_t error = ext2fs_block_iterate3(fs_.get(), number, BLOCK_FLAG_READ_ONLY, nullptr, take_block, &owner))
			incomplete_.emplace_back(number, ext_error(error));
	}

	static int take_block(ext2_filsys, blk64_t *block, e2_blkcnt_t count, blk64_t, int, void *data)
	{
		Owner &owner = *static_cast<Owner *>(data);
		const ExtFilesystem &fs = owner.search->fs_;
		Found as = owner.as;

		if (!owner.search->clusters_.any_within(fs.sectors_of(*block)))
			return 0;
		if (count < 0 && as.kind != Kind::metadata) {
			as.kind = Kind::metadata;
			as.what = "list of blocks";
		} else if (count >= 0 && as.kind == Kind::file) {
			as.offset = static_cast<uint64_t>(count) * fs.get()->blocksize;
		}
		owner.search->claim(fs.sectors_of(*block), as, owner.first);
		return 0;
	}

	void name()
	{
		std::set<ext2_ino_t> wanted;

		for (const Found &found : out_.found)
			if (found.inode)
				wanted.insert(static_cast<ext2_ino_t>(*found.inode));
		for (const auto &[number, why] : incomplete_)
			wanted.insert(number);
		if (wanted.empty())
			return;
		const ExtNames::Names names = ExtNames::find(fs_, directories_, wanted, out_.gaps);

		for (Found &found : out_.found)
			if (const auto at = names.find(static_cast<ext2_ino_t>(found.inode.value_or(0))); at != names.end())
				found.paths = at->second;
		for (const auto &[number, why] : incomplete_) {
			const auto at = names.find(number);

			out_.gaps.push_back(fmt::format("the list of blocks of {} (inode {}) cannot be read as a whole: others of its blocks may be concerned ({})",
							at == names.end() ? "a file" : at->second.front(), number, why));
		}
	}

	// What nobody has: free, or it is not known whose.
	void rest()
	{
		const RangeSet left = wanted_.without(RangeSet(claimed_)), taken(taken_);
		const Range blocks = fs_.sectors_of(0, ext2fs_blocks_count(fs_.get()->super));

		for (const Range &range : left.ranges()) {
			for (uint64_t at = range.start; at < range.end();) {
				const uint64_t block = at / fs_.block_sectors();
				const Range part = common(range, fs_.sectors_of(block));
				Found found = blocks.end() <= at ? Found{{}, Kind::free, "behind the end of the filesystem"} : of_bitmap(block, taken);

				found.sectors = part;
				at = part.end();
				if (!out_.found.empty() && !found.inode && !out_.found.back().inode && continues(out_.found.back(), found))
					out_.found.back().sectors.count += part.count;
				else
					out_.found.push_back(std::move(found));
			}
		}
	}

	Found of_bitmap(uint64_t block, const RangeSet &taken)
	{
		const dgrp_t group = ext2fs_group_of_blk2(fs_.get(), block);
		const auto [at, is_new] = bitmaps_.try_emplace(group);

		if (is_new)
			at->second = fs_.in_use(group);
		if (!at->second)
			return {{}, Kind::unknown, fmt::format("no file is known to have it; the block bitmap of group {} cannot be read", group)};
		if (!(*at->second)[block - ext2fs_group_first_block2(fs_.get(), group)])
			return {{}, Kind::free};
		if (taken.any_within(fs_.sectors_of(block)))
			return {{}, Kind::free, "rest of a cluster"};
		return {{}, Kind::unknown, "it is in use, and by whom cannot be read; or it was given away a moment ago"};
	}

	ExtFilesystem fs_;
	const bool mounted_;
	const RangeSet &wanted_;
	const RangeSet clusters_;
	std::vector<Range> claimed_, taken_;
	std::vector<ext2_ino_t> directories_;
	std::vector<std::pair<ext2_ino_t, std::string>> incomplete_;
	std::map<dgrp_t, std::optional<std::vector<bool>>> bitmaps_;
	FilesystemReport out_;
};

} // namespace

FilesystemReport look_at_ext(const FilesystemPlace &place, const RangeSet &wanted)
{
	// What is written and has no place yet gets one.
	if (!place.mounts.empty())
		if (const Fd fd(open(place.mounts.front().target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)); fd)
			syncfs(fd.get());
	return ExtSearch(place, wanted).run();
}

} // namespace dm_remap::tool
