// SPDX-License-Identifier: GPL-2.0
#include "machine/guard_places.hh"

#include "exit_status.hh"
#include "files/ext_filesystem.hh"
#include "os/device.hh"

#include "reassembly/range_reader.hh"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

constexpr uint64_t KiB = 1024, MiB = KiB * KiB, GiB = KiB * MiB;

struct Bytes {
	uint64_t start = 0, count = 0;
};

// Pieces of a device, none of which lies across a border of 4 KiB.
class Reader final {
public:
	explicit Reader(const std::string &path) : device_(path, os::Access::read), all_{&device_, 0, device_.sectors()}, reader_(all_) {}

	uint64_t bytes() const { return all_.sectors * DMR_SECTOR_SIZE; }
	uint32_t block_bytes() const
	{
		dmr_device_info info;

		device_.describe(info);
		return info.logical_block_bytes;
	}
	// Empty: it is not all there, or cannot be read.
	std::vector<uint8_t> read(uint64_t at, uint64_t count)
	{
		const std::span<const uint8_t> found = reader_.bytes(at, static_cast<uint32_t>(count));

		return {found.begin(), found.end()};
	}

private:
	dmr_device device_;
	dmr_member_range all_;
	reassembly::RangeReader reader_;
};

uint64_t little(const std::vector<uint8_t> &data, size_t at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = bytes; i-- > 0;)
		value = value << 8 | data.at(at + i);
	return value;
}

uint64_t big(const std::vector<uint8_t> &data, size_t at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | data.at(at + i);
	return value;
}

// How a kind of filesystem keeps its superblock: at the same place always, and so long. copies: where others like it begin, told by it.
struct Superblock {
	std::vector<const char *> types;
	uint64_t start, bytes;
	std::vector<uint64_t> (*copies)(const std::vector<uint8_t> &primary, uint64_t device_bytes);
};

std::vector<uint64_t> xfs_copies(const std::vector<uint8_t> &primary, uint64_t device_bytes)
{
	constexpr uint64_t most = 1 << 20; // a superblock may say anything
	const uint64_t group = big(primary, 84, 4) * big(primary, 4, 4);
	const uint64_t groups = group ? std::min({big(primary, 88, 4), device_bytes / group + 1, most}) : 0;
	std::vector<uint64_t> out;

	for (uint64_t i = 1; i < groups; i++)
		out.push_back(i * group);
	return out;
}

std::vector<uint64_t> btrfs_copies(const std::vector<uint8_t> &, uint64_t)
{
	return {64 * MiB, 256 * GiB};
}

std::vector<uint64_t> fat_copies(const std::vector<uint8_t> &primary, uint64_t)
{
	const uint64_t copy = little(primary, 50, 2), table = little(primary, 22, 2);

	// With a length of its tables there it is not FAT32, and has no copy.
	return table || !copy ? std::vector<uint64_t>() : std::vector{copy * little(primary, 11, 2)};
}

std::vector<uint64_t> no_copies(const std::vector<uint8_t> &, uint64_t)
{
	return {};
}

// Where libblkid's own word for the place, the sector of the magic, is too little. The copies of ext2, ext3 and ext4 their library knows.
const Superblock superblocks[] = {
	{{"ext2", "ext3", "ext4", "ext4dev", "jbd"}, 1 * KiB, 1 * KiB, no_copies},
	{{"xfs"}, 0, 512, xfs_copies},
	{{"btrfs"}, 64 * KiB, 4 * KiB, btrfs_copies},
	{{"vfat"}, 0, 512, fat_copies},
};

const Superblock *superblock_of(const std::string &type)
{
	for (const Superblock &one : superblocks)
		if (std::ranges::any_of(one.types, [&](const char *name) { return type == name; }))
			return &one;
	return nullptr;
}

class Search final {
public:
	explicit Search(const std::string &path) : path_(path), device_(path) {}

	GuardPlaces run()
	{
		for (const SignaturePlace &place : signature_places(path_))
			take(place);
		std::ranges::sort(out_.all, {}, [](const GuardPlace &place) { return std::pair(place.sectors.start, place.sectors.count); });
		out_.all.erase(std::unique(out_.all.begin(), out_.all.end()), out_.all.end());
		return std::move(out_);
	}

private:
	void add(const Bytes &bytes, const std::string &what)
	{
		const uint64_t start = bytes.start / DMR_SECTOR_SIZE, end = (bytes.start + bytes.count + DMR_SECTOR_SIZE - 1) / DMR_SECTOR_SIZE;

		if (const Range range = common({start, end - start}, {0, device_.bytes() / DMR_SECTOR_SIZE}); range.count)
			out_.all.push_back({range, what});
	}

	void take(const SignaturePlace &place)
	{
		const std::string &type = place.signature.type;

		if (std::ranges::none_of(out_.found, [&](const DiskSignature &other) { return other.text() == place.signature.text(); }))
			out_.found.push_back(place.signature);
		add({place.offset, place.bytes}, type);
		if (const Superblock *superblock = superblock_of(type))
			take(place, *superblock);
		if (type.starts_with("ext"))
			take_ext(place);
		else if (type == "gpt" || type == "PMBR")
			take_gpt();
		// Binary headers of LUKS and md's superblocks, as long as they may become.
		else if (type == "crypto_LUKS" || type == "linux_raid_member")
			add({place.offset, 4 * KiB}, type);
		// The magic is at the end of the first page.
		else if (type == "swap" || type == "swsuspend")
			add({0, place.offset + place.bytes}, type);
		else if (type == "zfs_member")
			take_zfs();
	}

	void take(const SignaturePlace &place, const Superblock &superblock)
	{
		add({superblock.start, superblock.bytes}, place.signature.type);
		const std::vector<uint8_t> primary = device_.read(superblock.start, superblock.bytes);

		if (primary.empty())
			return gap(place.signature.type, "the superblock cannot be read");
		for (const uint64_t copy : superblock.copies(primary, device_.bytes()))
			take_copy(place, superblock, copy);
	}

	// One that is as long, and has the same magic. What cannot be read may be one: it is to be guarded as soon as it can be.
	void take_copy(const SignaturePlace &place, const Superblock &superblock, uint64_t copy)
	{
		const uint64_t magic = place.offset - superblock.start;

		if (copy > device_.bytes() || superblock.bytes > device_.bytes() - copy || place.offset < superblock.start)
			return;
		const std::vector<uint8_t> there = device_.read(copy + magic, place.bytes);

		if (there.empty() || there == device_.read(place.offset, place.bytes))
			add({copy, superblock.bytes}, place.signature.type + ", copy");
	}

	void take_ext(const SignaturePlace &place)
	{
		try {
			// Past the page cache, also where it is mounted: where copies are does not change.
			const ExtFilesystem ext({place.signature.type, path_, "", {}});
			const ext2_filsys fs = ext.get();

			for (dgrp_t group = 1; group < fs->group_desc_count; group++)
				if (ext2fs_bg_has_super(fs, static_cast<int>(group)))
					take_copy(place, *superblock_of(place.signature.type), ext2fs_group_first_block2(fs, group) * fs->blocksize);
		} catch (const Failure &failure) {
			gap(place.signature.type, failure.what());
		}
	}

	// Each header says where the other one is, and where its entries are. In front of the first is a table for those that know no GPT.
	void take_gpt()
	{
		const uint64_t block = device_.block_bytes(), last = device_.bytes() / block - 1;

		add({0, DMR_SECTOR_SIZE}, "gpt");
		take_gpt_header(1, "gpt");
		take_gpt_header(last, "gpt, copy");
		if (const std::vector<uint8_t> header = device_.read(block, DMR_SECTOR_SIZE); is_gpt_header(header))
			take_gpt_header(little(header, 32, 8), "gpt, copy");
	}

	static bool is_gpt_header(const std::vector<uint8_t> &header)
	{
		constexpr std::string_view magic = "EFI PART";

		return !header.empty() && !std::memcmp(header.data(), magic.data(), magic.size());
	}

	void take_gpt_header(uint64_t lba, const char *what)
	{
		constexpr uint64_t most_bytes = 1 * MiB; // 16 KiB, as a rule
		const uint64_t block = device_.block_bytes();

		if (lba >= device_.bytes() / block)
			return;
		const std::vector<uint8_t> header = device_.read(lba * block, DMR_SECTOR_SIZE);

		if (!is_gpt_header(header))
			return;
		const uint64_t entries = little(header, 72, 8), bytes = little(header, 80, 4) * little(header, 84, 4);

		add({lba * block, block}, what);
		if (entries < device_.bytes() / block && bytes <= most_bytes)
			add({entries * block, bytes}, what);
	}

	// Four labels, two at either end, in which uberblocks go round.
	void take_zfs()
	{
		constexpr uint64_t label = 256 * KiB;
		const uint64_t end = device_.bytes() / label * label;

		if (end < 4 * label)
			return;
		add({0, 2 * label}, "zfs_member");
		add({end - 2 * label, 2 * label}, "zfs_member, copy");
	}

	void gap(const std::string &type, const std::string &why)
	{
		out_.gaps.push_back(fmt::format("where the {} keeps copies of its superblock is not known: {}", type, why));
	}

	const std::string &path_;
	Reader device_;
	GuardPlaces out_;
};

} // namespace

RangeSet GuardPlaces::ranges() const
{
	std::vector<Range> out;

	for (const GuardPlace &place : all)
		out.push_back(place.sectors);
	return RangeSet(std::move(out));
}

GuardPlaces places_to_guard(const std::string &path)
{
	return Search(path).run();
}

} // namespace dm_remap::tool
