// SPDX-License-Identifier: GPL-2.0
#include "files/xfs_ioctl.hh"

#include <array>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <linux/fsmap.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <xfs/xfs.h>

namespace dm_remap::tool::xfs {

namespace {

constexpr uint32_t batch = 1024;

struct Free {
	void operator()(void *p) const { std::free(p); }
};

Owner owner_of(const fsmap &record)
{
	Owner out;

	out.sectors = {record.fmr_physical / 512, record.fmr_length / 512};
	if (!(record.fmr_flags & FMR_OF_SPECIAL_OWNER)) {
		out.is = Owner::Is::inode;
		out.inode = record.fmr_owner;
		out.offset = record.fmr_offset;
		out.attributes = record.fmr_flags & FMR_OF_ATTR_FORK;
		out.block_list = record.fmr_flags & FMR_OF_EXTENT_MAP;
		return out;
	}
	switch (record.fmr_owner) {
	case XFS_FMR_OWN_FREE:
		out.is = Owner::Is::free;
		break;
	case XFS_FMR_OWN_LOG:
		out.is = Owner::Is::log;
		break;
	case XFS_FMR_OWN_INODES:
		out.is = Owner::Is::inodes;
		break;
	case XFS_FMR_OWN_UNKNOWN:
		break;
	default:
		out.is = Owner::Is::metadata;
	}
	return out;
}

// As the kernel's new_encode_dev().
uint32_t encoded(const std::string &number)
{
	const auto colon = number.find(':');
	const uint32_t major = static_cast<uint32_t>(std::stoul(number)), minor = static_cast<uint32_t>(std::stoul(number.substr(colon + 1)));

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}

// From the first record that begins at or after `from`, in the order of the device.
void each_record(int fd, uint64_t from, uint64_t to, uint32_t device, const std::function<void(const fsmap &)> &f)
{
	const std::unique_ptr<fsmap_head, Free> head(static_cast<fsmap_head *>(std::calloc(1, fsmap_sizeof(batch))));

	if (!head)
		throw std::bad_alloc();
	head->fmh_keys[0].fmr_device = device;
	head->fmh_keys[0].fmr_physical = from;
	head->fmh_keys[1].fmr_device = device;
	head->fmh_keys[1].fmr_physical = to - 1;
	head->fmh_keys[1].fmr_owner = head->fmh_keys[1].fmr_offset = UINT64_MAX;
	head->fmh_keys[1].fmr_flags = UINT32_MAX;
	head->fmh_count = batch;
	for (bool last = false; !last;) {
		if (ioctl(fd, FS_IOC_GETFSMAP, head.get()))
			throw std::system_error(errno, std::generic_category(), "the map of the filesystem's blocks");
		for (uint32_t i = 0; i < head->fmh_entries; i++) {
			if (head->fmh_recs[i].fmr_device == device)
				f(head->fmh_recs[i]);
			last |= head->fmh_recs[i].fmr_flags & FMR_OF_LAST;
		}
		last |= !head->fmh_entries;
		if (!last)
			fsmap_advance(head.get());
	}
}

} // namespace

Geometry geometry(int fd)
{
	xfs_fsop_geom raw = {};

	if (ioctl(fd, XFS_IOC_FSGEOMETRY, &raw))
		throw std::system_error(errno, std::generic_category(), "the geometry of the filesystem");
	const uint64_t block = raw.blocksize / 512;
	// A block's number has the group in its high bits.
	const int group_bits = std::bit_width(raw.agblocks - 1u);
	Geometry out;

	out.block_sectors = block;
	out.group_sectors = raw.agblocks * block;
	out.data_sectors = raw.datablocks * block;
	if (raw.logstart)
		out.log = {((raw.logstart >> group_bits) * raw.agblocks + (raw.logstart & ((uint64_t{1} << group_bits) - 1))) * block, raw.logblocks * block};
	out.header_sectors = uint64_t{4} * raw.sectsize / 512;
	out.knows_owners = raw.flags & XFS_FSOP_GEOM_FLAGS_RMAPBT;
	out.realtime = raw.rtblocks;
	return out;
}

void each_owner(int fd, const Range &range, const std::string &device_number, const std::function<void(const Owner &)> &f)
{
	each_record(fd, range.start * 512, range.end() * 512, encoded(device_number), [&](const fsmap &record) { f(owner_of(record)); });
}

bool each_mapped(int file, bool attributes, const std::function<void(const Mapped &)> &f)
{
	std::array<getbmapx, 256> map = {};

	map[0].bmv_length = -1;
	map[0].bmv_count = static_cast<int32_t>(map.size());
	map[0].bmv_iflags = BMV_IF_NO_HOLES | BMV_IF_PREALLOC | (attributes ? BMV_IF_ATTRFORK : 0);
	for (;;) {
		if (ioctl(file, XFS_IOC_GETBMAPX, map.data()))
			return errno == ENOENT; // no fork of this kind
		for (int32_t i = 1; i <= map[0].bmv_entries; i++)
			if (map[i].bmv_block >= 0)
				f({{static_cast<uint64_t>(map[i].bmv_block), static_cast<uint64_t>(map[i].bmv_length)},
				   static_cast<uint64_t>(map[i].bmv_offset) * 512});
		if (map[0].bmv_entries < map[0].bmv_count - 1)
			return true;
	}
}

} // namespace dm_remap::tool::xfs
