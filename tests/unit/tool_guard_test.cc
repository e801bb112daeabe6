// SPDX-License-Identifier: GPL-2.0
// A disk full of guard blocks is nothing that libblkid knows, whatever the UUIDs; and the tool knows whose main it is.
#include "core/recovery/guard.hh"
#include "os/device.hh"
#include "seen_guard.hh"

#include <blkid/blkid.h>

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
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

// An image with guard blocks from one sector on, that say they are at another.
class SeenGuardTest : public testing::Test {
protected:
	void SetUp() override
	{
		ASSERT_GE(fd_, 0);
		ASSERT_EQ(ftruncate(fd_, sectors * 512), 0);
		setup_.features = DMR_FEATURE_GUARD;
		for (int i = 0; i < DMR_UUID_SIZE; i++) {
			setup_.set_uuid[i] = static_cast<uint8_t>(i);
			setup_.main_uuid[i] = static_cast<uint8_t>(0xa0 + i);
		}
	}
	void TearDown() override { close(fd_); }

	void guard(uint64_t at, uint64_t says, const char *name = "safe")
	{
		std::vector<uint8_t> data(1024);

		GuardStamp::of(setup_, name).fill(data.data(), says, 2);
		ASSERT_EQ(pwrite(fd_, data.data(), data.size(), static_cast<off_t>(at * 512)), 1024);
	}
	std::optional<tool::SeenGuard> look() const
	{
		dmr_device device(fmt::format("/proc/self/fd/{}", fd_), os::Access::read);

		return tool::SeenGuard::look(device);
	}

	static constexpr uint64_t sectors = 32768;
	int fd_ = memfd_create("main", 0);
	dmr_setup setup_ = {};
};

TEST_F(SeenGuardTest, SaysWhoseMainItIs)
{
	for (const uint64_t at : {uint64_t{0}, uint64_t{2}, uint64_t{128}, sectors - 33, sectors - 2}) {
		ASSERT_EQ(ftruncate(fd_, 0), 0);
		ASSERT_EQ(ftruncate(fd_, sectors * 512), 0);
		EXPECT_FALSE(look());
		guard(at, at);
		const std::optional<tool::SeenGuard> seen = look();

		ASSERT_TRUE(seen) << at;
		EXPECT_TRUE(seen->is_of(setup_));
		EXPECT_EQ(seen->set(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
		EXPECT_EQ(seen->name(), "safe");
		EXPECT_EQ(seen->text(), "it is main of set 00010203-0405-0607-0809-0a0b0c0d0e0f, of the device 'safe', and guarded: some of its blocks are on the set's "
					"spares; use the device that 'dmremap open 00010203-0405-0607-0809-0a0b0c0d0e0f' starts, and not this disk");
	}
}

TEST_F(SeenGuardTest, IsOfNoOtherSetOrMain)
{
	guard(2, 2);
	const std::optional<tool::SeenGuard> seen = look();
	dmr_setup other = setup_;

	ASSERT_TRUE(seen);
	other.set_uuid[0] ^= 1;
	EXPECT_FALSE(seen->is_of(other));
	other = setup_;
	other.main_uuid[0] ^= 1;
	EXPECT_FALSE(seen->is_of(other));
	other = setup_;
	other.features = 0;
	EXPECT_FALSE(seen->is_of(other));
}

// A partition that begins elsewhere is not main.
TEST_F(SeenGuardTest, OneThatBelongsElsewhere)
{
	guard(2, 2050);
	const std::optional<tool::SeenGuard> seen = look();

	ASSERT_TRUE(seen);
	EXPECT_FALSE(seen->in_place());
	EXPECT_FALSE(seen->is_of(setup_));
	EXPECT_NE(seen->text().find("it is a part of main, or a copy of it at another place, of set 00010203-"), std::string::npos);
}

TEST_F(SeenGuardTest, DamagedOnesDoNotCount)
{
	guard(2, 2);
	for (const off_t at : {1024 + 40, 1536 + 40})
		ASSERT_EQ(pwrite(fd_, "x", 1, at), 1);
	EXPECT_FALSE(look());
}

// A name may be anything.
TEST_F(SeenGuardTest, ANameThatLooksLikeTheSentence)
{
	guard(2, 2, "a': use that");
	const std::optional<tool::SeenGuard> seen = look();

	ASSERT_TRUE(seen);
	EXPECT_FALSE(seen->name().empty());
}

} // namespace
} // namespace dm_remap
