// SPDX-License-Identifier: GPL-2.0
// ext2, ext3 and ext4 through libext2fs, opened so that nothing is ever written.
#ifndef DMREMAP_FILES_EXT_FILESYSTEM_HH
#define DMREMAP_FILES_EXT_FILESYSTEM_HH

#include "files/found.hh"

#include <ext2fs/ext2fs.h>
#include <functional>
#include <map>
#include <set>

namespace dm_remap::tool {

// libext2fs's words for it.
std::string ext_error(errcode_t code);

class ExtFilesystem final {
public:
	// Of a mounted one the block device's page cache is read, as that is where ext4 keeps metadata that it has not written back. Of one
	// that is not the disk itself, as exactly as its blocks are: the cache reads whole pages, and loses a page for a sector. If what the
	// primary superblock leads to cannot be read, the first copy is tried. Throws Failure.
	explicit ExtFilesystem(const FilesystemPlace &place);
	~ExtFilesystem();
	ExtFilesystem(const ExtFilesystem &) = delete;
	ExtFilesystem &operator=(const ExtFilesystem &) = delete;

	ext2_filsys get() const { return fs_; }
	uint64_t block_sectors() const { return fs_->blocksize / 512; }
	uint64_t cluster_sectors() const { return block_sectors() * static_cast<uint64_t>(EXT2FS_CLUSTER_RATIO(fs_)); }
	Range sectors_of(blk64_t block, uint64_t count = 1) const { return {block * block_sectors(), count * block_sectors()}; }
	bool from_copy() const { return from_copy_; }

	// Blocks that a group keeps its own things in, with what these are.
	void each_fixed(dgrp_t group, const std::function<void(const Range &, const std::string &)> &f) const;
	// Every inode that may be in use; those that cannot be read are counted.
	uint64_t each_inode(const std::function<void(ext2_ino_t, ext2_inode &)> &f) const;
	// As the bitmap of its group says, which one that cannot be read does not deny.
	bool inode_in_use(ext2_ino_t number) const;
	// Whether blocks of the group are in use, as its bitmap says. No value: it cannot be read.
	std::optional<std::vector<bool>> in_use(dgrp_t group) const;

private:
	ext2_filsys fs_ = nullptr;
	bool from_copy_ = false;
};

// All names of inodes, found in the directories.
class ExtNames final {
public:
	using Names = std::map<ext2_ino_t, std::vector<std::string>>;

	// gaps: directories that cannot be read as a whole.
	static Names find(const ExtFilesystem &fs, const std::vector<ext2_ino_t> &directories, const std::set<ext2_ino_t> &wanted,
			  std::vector<std::string> &gaps);
};

} // namespace dm_remap::tool

#endif
