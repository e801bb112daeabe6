// SPDX-License-Identifier: GPL-2.0
#include "files/ext_filesystem.hh"

#include "exit_status.hh"

#include <fmt/format.h>
#include <algorithm>
#include <memory>
#include <mutex>

namespace dm_remap::tool {

namespace {

// The whole of a directory entry's name, as it is on the disk.
std::string name_of(const ext2_dir_entry *entry)
{
	return {entry->name, static_cast<size_t>(ext2fs_dirent_name_len(entry))};
}

// Checksums do not stop us: of a mounted filesystem a block may be read while it is changed, and of a damaged one the rest is wanted.
errcode_t open_read_only(const FilesystemPlace &place, int superblock, unsigned int block_bytes, ext2_filsys *out)
{
	int flags = EXT2_FLAG_64BITS | EXT2_FLAG_SOFTSUPP_FEATURES | EXT2_FLAG_IGNORE_CSUM_ERRORS | EXT2_FLAG_SKIP_MMP;

	if (place.mounts.empty())
		flags |= EXT2_FLAG_DIRECT_IO;
	return ext2fs_open2(place.path.c_str(), nullptr, flags, superblock, block_bytes, unix_io_manager, out);
}

} // namespace

std::string ext_error(errcode_t code)
{
	static std::once_flag once;

	std::call_once(once, [] { initialize_ext2_error_table(); });
	return error_message(code);
}

ExtFilesystem::ExtFilesystem(const FilesystemPlace &place)
{
	const errcode_t first = open_read_only(place, 0, 0, &fs_);

	if (!first)
		return;
	for (const unsigned int block_bytes : {4096u, 1024u, 2048u, 65536u}) {
		const int first_block = block_bytes == 1024, blocks_of_group = static_cast<int>(block_bytes) * 8;

		if (!open_read_only(place, first_block + blocks_of_group, block_bytes, &fs_)) {
			from_copy_ = true;
			return;
		}
	}
	throw Failure(ExitStatus::failed, "unreadable", fmt::format("{}: {}", place.path, ext_error(first)));
}

ExtFilesystem::~ExtFilesystem()
{
	ext2fs_close_free(&fs_);
}

void ExtFilesystem::each_fixed(dgrp_t group, const std::function<void(const Range &, const std::string &)> &f) const
{
	blk64_t superblock = 0, old_descriptors = 0, new_descriptors = 0;
	blk_t used = 0;

	if (ext2fs_super_and_bgd_loc2(fs_, group, &superblock, &old_descriptors, &new_descriptors, &used))
		return;
	if (ext2fs_bg_has_super(fs_, static_cast<int>(group)))
		f(sectors_of(superblock), group ? fmt::format("copy of the superblock in group {}", group) : "superblock");
	if (old_descriptors)
		f(sectors_of(old_descriptors, ext2fs_has_feature_meta_bg(fs_->super) ? fs_->super->s_first_meta_bg : fs_->desc_blocks),
		  group ? fmt::format("copy of the group descriptors in group {}", group) : "group descriptors");
	if (new_descriptors)
		f(sectors_of(new_descriptors), fmt::format("group descriptors in group {}", group));
	if (const blk64_t at = ext2fs_block_bitmap_loc(fs_, group))
		f(sectors_of(at), fmt::format("block bitmap of group {}", group));
	if (const blk64_t at = ext2fs_inode_bitmap_loc(fs_, group))
		f(sectors_of(at), fmt::format("inode bitmap of group {}", group));
	if (const blk64_t at = ext2fs_inode_table_loc(fs_, group))
		f(sectors_of(at, fs_->inode_blocks_per_group), fmt::format("inode table of group {}", group));
}

uint64_t ExtFilesystem::each_inode(const std::function<void(ext2_ino_t, ext2_inode &)> &f) const
{
	const bool tells_unused = ext2fs_has_group_desc_csum(fs_);
	uint64_t unreadable = 0;

	for (dgrp_t group = 0; group < fs_->group_desc_count; group++) {
		const uint32_t all = fs_->super->s_inodes_per_group;
		uint32_t used = all;

		if (tells_unused && ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_UNINIT))
			continue;
		if (tells_unused)
			used -= std::min(all, ext2fs_bg_itable_unused(fs_, group));
		for (uint32_t i = 1; i <= used; i++) {
			const ext2_ino_t number = group * all + i;
			ext2_inode inode = {};

			if (ext2fs_read_inode2(fs_, number, &inode, sizeof(inode), READ_INODE_NOCSUM))
				unreadable++;
			else
				f(number, inode);
		}
	}
	return unreadable;
}

bool ExtFilesystem::inode_in_use(ext2_ino_t number) const
{
	const dgrp_t group = ext2fs_group_of_ino(fs_, number);
	std::vector<char> bitmap(fs_->blocksize);

	if (ext2fs_has_group_desc_csum(fs_) && ext2fs_bg_flags_test(fs_, group, EXT2_BG_INODE_UNINIT))
		return false;
	return io_channel_read_blk64(fs_->io, ext2fs_inode_bitmap_loc(fs_, group), 1, bitmap.data()) ||
	       ext2fs_test_bit((number - 1) % fs_->super->s_inodes_per_group, bitmap.data());
}

std::optional<std::vector<bool>> ExtFilesystem::in_use(dgrp_t group) const
{
	const blk64_t first = ext2fs_group_first_block2(fs_, group), last = ext2fs_group_last_block2(fs_, group);
	std::vector<bool> out(last - first + 1);

	// Of such a group there is no bitmap; what it keeps itself is known otherwise.
	if (ext2fs_has_group_desc_csum(fs_) && ext2fs_bg_flags_test(fs_, group, EXT2_BG_BLOCK_UNINIT))
		return out;
	std::vector<char> bitmap(fs_->blocksize);

	if (io_channel_read_blk64(fs_->io, ext2fs_block_bitmap_loc(fs_, group), 1, bitmap.data()))
		return {};
	for (size_t i = 0; i < out.size(); i++)
		out[i] = ext2fs_test_bit(static_cast<unsigned int>(EXT2FS_B2C(fs_, i)), bitmap.data());
	return out;
}

// ---- names ----

namespace {

struct Search {
	const std::set<ext2_ino_t> &wanted;
	ext2_ino_t directory = 0;
	struct Name {
		ext2_ino_t inode, directory;
		std::string name;
	};
	std::vector<Name> found = {};
};

int take_entry(ext2_ino_t, int, ext2_dir_entry *entry, int, int, char *, void *data)
{
	Search &search = *static_cast<Search *>(data);
	std::string name = name_of(entry);

	if (search.wanted.contains(entry->inode) && name != "." && name != "..")
		search.found.push_back({entry->inode, search.directory, std::move(name)});
	return 0;
}

struct Free {
	void operator()(char *text) const { ext2fs_free_mem(&text); }
};

std::string path_of(const ExtFilesystem &fs, ext2_ino_t directory)
{
	char *text = nullptr;

	if (ext2fs_get_pathname(fs.get(), directory, 0, &text) || !text)
		return fmt::format("<directory {}>", directory);
	const std::unique_ptr<char, Free> owner(text);

	return text;
}

} // namespace

ExtNames::Names ExtNames::find(const ExtFilesystem &fs, const std::vector<ext2_ino_t> &directories, const std::set<ext2_ino_t> &wanted,
			       std::vector<std::string> &gaps)
{
	Names out;
	Search search = {wanted};

	if (wanted.contains(EXT2_ROOT_INO))
		out[EXT2_ROOT_INO].push_back("/");
	for (const ext2_ino_t directory : directories) {
		search.directory = directory;
		if (const errcode_t error = ext2fs_dir_iterate2(fs.get(), directory, 0, nullptr, take_entry, &search))
			gaps.push_back(fmt::format("the directory {} (inode {}) cannot be read as a whole: names in it may be missing here ({})",
						   path_of(fs, directory), directory, ext_error(error)));
	}
	std::map<ext2_ino_t, std::string> paths;

	for (const Search::Name &name : search.found) {
		const auto [at, is_new] = paths.try_emplace(name.directory);

		if (is_new)
			at->second = path_of(fs, name.directory);
		out[name.inode].push_back((at->second == "/" ? "" : at->second) + "/" + name.name);
	}
	return out;
}

} // namespace dm_remap::tool
