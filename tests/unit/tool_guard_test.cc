// SPDX-License-Identifier: GPL-2.0
// A disk full of guard blocks is nothing that libblkid knows, whatever the UUIDs.
#include "core/recovery/guard.hh"

#include <blkid/blkid.h>

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace dm_remap {
namespace {

struct Close {
	void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};

// What it is taken for, or "".
std::string taken_for(int fd, blkid_loff_t bytes)
{
	const std::unique_ptr<blkid_struct_probe, Close> probe(blkid_new_probe());

	EXPECT_EQ(blkid_probe_set_device(probe.get(), fd, 0, bytes), 0);
	blkid_probe_enable_superblocks(probe.get(), 1);
	blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(probe.get(), 1);
	blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_MAGIC);
	std::string found;
	while (blkid_do_probe(probe.get()) == 0) {
		const char *type = "something";

		blkid_probe_lookup_value(probe.get(), "TYPE", &type, nullptr);
		blkid_probe_lookup_value(probe.get(), "PTTYPE", &type, nullptr);
		found += std::string(type) + " ";
	}
	return found;
}

TEST(ToolGuard, BlkidFindsNothing)
{
	constexpr uint32_t sectors = 4096;
	std::vector<uint8_t> data(sectors * 512);
	std::mt19937 random(12);
	const int fd = memfd_create("guard", 0);

	ASSERT_GE(fd, 0);
	for (int round = 0; round < 200; round++) {
		GuardStamp stamp = {};

		for (uint8_t &byte : stamp.set)
			byte = static_cast<uint8_t>(random());
		for (uint8_t &byte : stamp.main)
			byte = static_cast<uint8_t>(random());
		stamp.fill(data.data(), 0, sectors);
		ASSERT_EQ(pwrite(fd, data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
		EXPECT_EQ(taken_for(fd, static_cast<blkid_loff_t>(data.size())), "") << round;
	}
	// That it would find something.
	data.assign(data.size(), 0);
	data[1024 + 56] = 0x53;
	data[1024 + 57] = 0xef;
	std::memcpy(&data[0], "LUKS\xba\xbe\0\1", 8);
	ASSERT_EQ(pwrite(fd, data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
	EXPECT_NE(taken_for(fd, static_cast<blkid_loff_t>(data.size())), "");
	close(fd);
}

} // namespace
} // namespace dm_remap
