// SPDX-License-Identifier: GPL-2.0
#include "files/btrfs_trees.hh"

#include "sysfs.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <memory>
#include <sys/ioctl.h>
#include <system_error>

namespace dm_remap::tool::btrfs {

namespace {

constexpr size_t answer_bytes = 256 * 1024;
// What is allocated at once is never longer: a preallocation.
constexpr uint64_t longest_extent = uint64_t{256} << 20;

[[noreturn]] void fail(const char *what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

// A structure of the disk at the start of an item; what the item is too short for is zero. Little-endian, as the machines are that this runs on.
template <typename T>
T read_as(std::span<const uint8_t> item, size_t at = 0)
{
	static_assert(std::endian::native == std::endian::little);
	T out = {};

	if (at < item.size())
		std::memcpy(&out, item.data() + at, std::min(sizeof(T), item.size() - at));
	return out;
}

std::string text_at(std::span<const uint8_t> item, size_t at, size_t length)
{
	if (at >= item.size())
		return {};
	return {reinterpret_cast<const char *>(item.data()) + at, std::min(length, item.size() - at)};
}

// False: there is no further key.
bool step(Key &key)
{
	if (++key.offset)
		return true;
	if (++key.type)
		return true;
	return ++key.object;
}

template <typename T>
struct Answer {
	explicit Answer(size_t bytes) : memory(new uint64_t[bytes / 8]()) {}
	T *operator->() const { return reinterpret_cast<T *>(memory.get()); }
	T *get() const { return reinterpret_cast<T *>(memory.get()); }

	std::unique_ptr<uint64_t[]> memory;
};

} // namespace

void search(int fd, uint64_t tree, Key first, const Key &last, const std::function<void(const Key &, std::span<const uint8_t>)> &f)
{
	for (bool more = true; more;) {
		const Answer<btrfs_ioctl_search_args_v2> args(answer_bytes);
		btrfs_ioctl_search_key &key = args->key;

		key.tree_id = tree;
		key.min_objectid = first.object, key.max_objectid = last.object;
		key.min_type = first.type, key.max_type = last.type;
		key.min_offset = first.offset, key.max_offset = last.offset;
		key.max_transid = UINT64_MAX;
		key.nr_items = UINT32_MAX;
		args->buf_size = answer_bytes - sizeof(btrfs_ioctl_search_args_v2);
		if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args.get()))
			fail("a tree of the filesystem");
		const uint8_t *at = args->buf;

		for (uint32_t i = 0; i < key.nr_items; i++) {
			btrfs_ioctl_search_header header;

			std::memcpy(&header, at, sizeof(header));
			at += sizeof(header);
			first = {header.objectid, static_cast<uint8_t>(header.type), header.offset};
			f(first, {at, header.len});
			at += header.len;
		}
		more = key.nr_items && step(first);
	}
}

std::optional<DeviceInfo> device_info(int fd, const std::string &number)
{
	btrfs_ioctl_fs_info_args filesystem = {};

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &filesystem))
		fail("the devices of the filesystem");
	for (uint64_t id = 0; id <= filesystem.max_id; id++) {
		btrfs_ioctl_dev_info_args device = {};

		device.devid = id;
		if (!ioctl(fd, BTRFS_IOC_DEV_INFO, &device) && sysfs::number(reinterpret_cast<const char *>(device.path)) == number)
			return DeviceInfo{id, filesystem.sectorsize, filesystem.nodesize};
	}
	return {};
}

std::vector<DevicePart> device_parts(int fd, uint64_t device)
{
	std::vector<DevicePart> out;

	search(fd, BTRFS_DEV_TREE_OBJECTID, {device, BTRFS_DEV_EXTENT_KEY, 0}, {device, BTRFS_DEV_EXTENT_KEY, UINT64_MAX},
	       [&](const Key &key, std::span<const uint8_t> item) {
		       const auto part = read_as<btrfs_dev_extent>(item);

		       out.push_back({{key.offset, part.length}, part.chunk_offset});
	       });
	return out;
}

BtrfsChunk chunk(int fd, uint64_t logical)
{
	const Key key = {BTRFS_FIRST_CHUNK_TREE_OBJECTID, BTRFS_CHUNK_ITEM_KEY, logical};
	BtrfsChunk out;

	search(fd, BTRFS_CHUNK_TREE_OBJECTID, key, key, [&](const Key &, std::span<const uint8_t> item) {
		const auto found = read_as<btrfs_chunk>(item);

		out.logical = logical;
		out.length = found.length;
		out.type = found.type;
		out.stripe_length = found.stripe_len;
		out.sub_stripes = found.sub_stripes;
		for (size_t i = 0; i < found.num_stripes; i++) {
			const auto stripe = read_as<btrfs_stripe>(item, offsetof(btrfs_chunk, stripe) + i * sizeof(btrfs_stripe));

			out.stripes.push_back({stripe.devid, stripe.offset});
		}
	});
	return out;
}

RangeSet allocated(int fd, const Range &range, uint32_t node_bytes)
{
	std::vector<Range> out;
	const uint64_t from = range.start - std::min(range.start, longest_extent);

	search(fd, BTRFS_EXTENT_TREE_OBJECTID, {from, 0, 0}, {range.end() - 1, UINT8_MAX, UINT64_MAX}, [&](const Key &key, std::span<const uint8_t>) {
		const uint64_t length = key.type == BTRFS_EXTENT_ITEM_KEY ? key.offset : key.type == BTRFS_METADATA_ITEM_KEY ? node_bytes : 0;

		if (const Range part = common({key.object, length}, range); part.count)
			out.push_back(part);
	});
	return RangeSet(std::move(out));
}

std::vector<Reference> references(int fd, uint64_t logical)
{
	for (size_t bytes = 64 * 1024;; bytes = 16 << 20) {
		const Answer<btrfs_data_container> found(bytes);
		btrfs_ioctl_logical_ino_args args = {};

		args.logical = logical;
		args.size = bytes;
		args.inodes = reinterpret_cast<uintptr_t>(found.get());
		if (ioctl(fd, BTRFS_IOC_LOGICAL_INO_V2, &args)) {
			if (errno == ENOENT)
				return {};
			fail("the files that have a block");
		}
		if (found->elem_missed && bytes == 64 * 1024)
			continue;
		std::vector<Reference> out;

		for (uint32_t i = 0; i + 3 <= found->elem_cnt; i += 3)
			out.push_back({found->val[i], found->val[i + 1], found->val[i + 2]});
		return out;
	}
}

// ---- names ----

std::string Names::folder(uint64_t subvolume, uint64_t inode) const
{
	btrfs_ioctl_ino_lookup_args args = {};

	args.treeid = subvolume;
	args.objectid = inode;
	if (ioctl(fd_, BTRFS_IOC_INO_LOOKUP, &args))
		fail("the path of a folder");
	return args.name; // with a slash behind it, or empty
}

const std::optional<std::string> &Names::subvolume(uint64_t id)
{
	const auto [at, is_new] = subvolumes_.try_emplace(id);

	if (!is_new)
		return at->second;
	if (id == BTRFS_FS_TREE_OBJECTID)
		return at->second = "/";
	std::optional<std::pair<uint64_t, uint64_t>> parent; // subvolume and folder
	std::string name;

	search(fd_, BTRFS_ROOT_TREE_OBJECTID, {id, BTRFS_ROOT_BACKREF_KEY, 0}, {id, BTRFS_ROOT_BACKREF_KEY, UINT64_MAX},
	       [&](const Key &key, std::span<const uint8_t> item) {
		       const auto reference = read_as<btrfs_root_ref>(item);

		       parent = {key.offset, reference.dirid};
		       name = text_at(item, sizeof(btrfs_root_ref), reference.name_len);
	       });
	if (!parent)
		return at->second; // it was deleted
	const std::optional<std::string> above = subvolume(parent->first);

	// The map may have grown meanwhile, which moves none of its elements.
	if (above)
		at->second = *above + folder(parent->first, parent->second) + name + "/";
	return at->second;
}

std::vector<std::string> Names::of(uint64_t id, uint64_t inode)
{
	const std::optional<std::string> top = subvolume(id);
	std::vector<std::string> out;

	if (!top)
		return out;
	const auto add = [&](uint64_t parent, const std::string &name) { out.push_back(*top + folder(id, parent) + name); };

	search(fd_, id, {inode, BTRFS_INODE_REF_KEY, 0}, {inode, BTRFS_INODE_EXTREF_KEY, UINT64_MAX}, [&](const Key &key, std::span<const uint8_t> item) {
		for (size_t at = 0; at < item.size();) {
			const bool plain = key.type == BTRFS_INODE_REF_KEY;
			const auto ref = read_as<btrfs_inode_ref>(item, at);
			const auto extended = read_as<btrfs_inode_extref>(item, at);
			const size_t length = plain ? ref.name_len : extended.name_len, header = plain ? sizeof(ref) : sizeof(extended);

			add(plain ? key.offset : extended.parent_objectid, text_at(item, at + header, length));
			at += header + length;
		}
	});
	return out;
}

} // namespace dm_remap::tool::btrfs
