// SPDX-License-Identifier: GPL-2.0
#include "reassembly/signatures.hh"

namespace dm_remap::reassembly {

namespace {

constexpr uint64_t kib = 1024;

// A magic at a fixed distance from the start of the range.
struct Magic {
	uint64_t offset;
	const char *bytes;
	uint32_t length;
	const char *what;
};

template <size_t n>
constexpr Magic magic(uint64_t offset, const char (&bytes)[n], const char *what)
{
	return {offset, bytes, n - 1, what};
}

#define DMR_MD_MAGIC "\xfc\x4e\x2b\xa9"
#define DMR_MD_MAGIC_BIG "\xa9\x2b\x4e\xfc"

// What wraps or manages a device comes before what may lie inside of it: a LUKS header or an md member would
// otherwise be shadowed by leftovers of the filesystem that was there before.
constexpr Magic outer_magics[] = {
	magic(0, "LUKS\xba\xbe", "a LUKS encrypted volume"),
	magic(4 * kib, DMR_MD_MAGIC, "an md RAID member (version 1.2)"),
	magic(0, DMR_MD_MAGIC, "an md RAID member (version 1.1)"),
	magic(24, "LVM2 001", "an LVM2 physical volume"),
	magic(512 + 24, "LVM2 001", "an LVM2 physical volume"),
	magic(2 * 512 + 24, "LVM2 001", "an LVM2 physical volume"),
	magic(3 * 512 + 24, "LVM2 001", "an LVM2 physical volume"),
	magic(4 * kib + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "a bcache device"),
	magic(4 * kib + 24, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef", "a bcachefs "
												"filesystem"),
	magic(0, "integrt\0", "a dm-integrity volume"),
	magic(0, "verity\0\0", "a dm-verity hash device"),
	magic(0, "bluestore block device\n", "a Ceph OSD"),
};

constexpr Magic inner_magics[] = {
	magic(0, "XFSB", "an xfs filesystem"),
	magic(64 * kib + 64, "_BHRfS_M", "a btrfs filesystem"),
	magic(1 * kib, "\x10\x20\xf5\xf2", "an F2FS filesystem"),
	magic(4 * kib - 10, "SWAPSPACE2", "swap space"),
	magic(4 * kib - 10, "SWAP-SPACE", "swap space"),
	magic(64 * kib - 10, "SWAPSPACE2", "swap space"),
	magic(32 * kib + 1, "CD001", "an ISO 9660 filesystem"),
	magic(32 * kib, "JFS1", "a JFS filesystem"),
	magic(64 * kib + 52, "ReIsEr", "a ReiserFS filesystem"),
	magic(0, "hsqs", "a squashfs filesystem"),
	magic(3, "NTFS    ", "an NTFS filesystem"),
	magic(3, "EXFAT   ", "an exFAT filesystem"),
	magic(82, "FAT32   ", "a FAT filesystem"),
	magic(54, "FAT1", "a FAT filesystem"),
	magic(512, "EFI PART", "a GPT partition table"),
	magic(4 * kib, "EFI PART", "a GPT partition table"),
};

bool matches(RangeReader &reader, uint64_t offset, const char *bytes, uint32_t length)
{
	const std::span<const uint8_t> found = reader.bytes(offset, length);

	return !found.empty() && !__builtin_memcmp(found.data(), bytes, length);
}

std::optional<Signature> find_magic(RangeReader &reader, std::span<const Magic> magics)
{
	for (const Magic &m : magics)
		if (matches(reader, m.offset, m.bytes, m.length))
			return Signature{m.what, m.offset};
	return {};
}

uint32_t le32(std::span<const uint8_t> bytes, uint32_t at)
{
	return bytes[at] | uint32_t(bytes[at + 1]) << 8 | uint32_t(bytes[at + 2]) << 16 | uint32_t(bytes[at + 3]) << 24;
}

// md's superblocks at the end: version 1.0 at least 8 KiB before it, version 0.90 in its last whole 64 KiB, in the byte order
// of the machine that wrote it.
std::optional<Signature> find_md_at_end(RangeReader &reader)
{
	const uint64_t sectors = reader.sectors().value;
	const uint64_t v10 = ((sectors - 16) & ~uint64_t(7)) * DMR_SECTOR_SIZE;
	const uint64_t v090 = ((sectors & ~uint64_t(127)) - 128) * DMR_SECTOR_SIZE;

	if (sectors >= 24 && matches(reader, v10, DMR_MD_MAGIC, 4))
		return Signature{"an md RAID member (version 1.0)", v10};
	if (sectors >= 256 && (matches(reader, v090, DMR_MD_MAGIC, 4) || matches(reader, v090, DMR_MD_MAGIC_BIG, 4)))
		return Signature{"an md RAID member (version 0.90)", v090};
	return {};
}

// ZFS keeps four labels of 256 KiB, two at either end, with an array of uberblocks in the second half of each.
std::optional<Signature> find_zfs(RangeReader &reader)
{
	constexpr uint64_t label = 256 * kib, uberblock = 1 * kib;
	constexpr char little[] = "\x0c\xb1\xba\0\0\0\0\0", big[] = "\0\0\0\0\0\xba\xb1\x0c";
	const uint64_t end = reader.sectors().value * DMR_SECTOR_SIZE / label * label;

	if (end < 4 * label)
		return {};
	const uint64_t starts[] = {0, label, end - 2 * label, end - label};
	for (const uint64_t start : starts)
		for (uint64_t at = start + label / 2; at < start + label; at += uberblock)
			if (matches(reader, at, little, 8) || matches(reader, at, big, 8))
				return Signature{"a ZFS pool member", at};
	return {};
}

std::optional<Signature> find_ext(RangeReader &reader)
{
	constexpr uint64_t superblock = 1 * kib, magic_at = superblock + 0x38;
	constexpr uint32_t has_journal = 0x4, journal_device = 0x8;
	// The features that only ext4 has: huge_file, uninit_bg, dir_nlink, extra_isize, metadata_csum; extents, 64bit,
	// flex_bg.
	constexpr uint32_t ext4_ro_compat = 0x8 | 0x10 | 0x20 | 0x40 | 0x400, ext4_incompat = 0x40 | 0x80 | 0x200;

	if (!matches(reader, magic_at, "\x53\xef", 2))
		return {};
	const std::span<const uint8_t> features = reader.bytes(superblock + 0x5c, 12);
	const uint32_t compat = le32(features, 0), incompat = le32(features, 4), ro_compat = le32(features, 8);

	if (incompat & journal_device)
		return Signature{"the external journal of an ext4 filesystem", magic_at};
	if ((incompat & ext4_incompat) || (ro_compat & ext4_ro_compat))
		return Signature{"an ext4 filesystem", magic_at};
	return Signature{compat & has_journal ? "an ext3 filesystem" : "an ext2 filesystem", magic_at};
}

// The backup header survives when only the start of a disk was wiped.
std::optional<Signature> find_gpt_backup(RangeReader &reader)
{
	const uint64_t end = reader.sectors().value * DMR_SECTOR_SIZE;

	constexpr uint64_t blocks[] = {512, 4 * kib};
	for (const uint64_t block : blocks)
		if (end > block && matches(reader, end - block, "EFI PART", 8))
			return Signature{"a GPT partition table (its backup at the end)", end - block};
	return {};
}

// 0x55aa ends every boot sector; a partition table has an entry with a type and a plausible status besides.
std::optional<Signature> find_mbr(RangeReader &reader)
{
	constexpr uint32_t entries = 446, entry_bytes = 16, type_at = 4;
	const std::span<const uint8_t> sector = reader.bytes(0, DMR_SECTOR_SIZE);
	bool typed = false;

	if (sector.empty() || sector[510] != 0x55 || sector[511] != 0xaa)
		return {};
	for (uint32_t at = entries; at < 510; at += entry_bytes) {
		if (sector[at] & 0x7f)
			return Signature{"a boot sector", 510};
		typed |= sector[at + type_at] != 0;
	}
	return Signature{typed ? "an MBR partition table" : "a boot sector", 510};
}

} // namespace

std::optional<Signature> find_signature(RangeReader &reader)
{
	if (auto found = find_magic(reader, outer_magics))
		return found;
	if (auto found = find_md_at_end(reader))
		return found;
	if (auto found = find_zfs(reader))
		return found;
	if (auto found = find_ext(reader))
		return found;
	if (auto found = find_magic(reader, inner_magics))
		return found;
	if (auto found = find_gpt_backup(reader))
		return found;
	return find_mbr(reader);
}

} // namespace dm_remap::reassembly
