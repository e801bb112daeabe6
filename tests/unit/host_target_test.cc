// SPDX-License-Identifier: GPL-2.0
// The stand-in for target.c and device-mapper, over the real engine.
#include "host/target.hh"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

using namespace dm_remap::host;

namespace {

class HostTarget : public testing::Test {
protected:
	TableOptions table()
	{
		TableOptions t;

		t.main = &main;
		t.members = {{&spare, 0, spare.options().sectors}};
		return t;
	}
	void fill(uint8_t byte) { std::memset(data, byte, sizeof(data)); }
	void removed_without_leaks()
	{
		EXPECT_EQ(device.remove(), 0);
		EXPECT_EQ(world.run(), Stop::Idle);
		world.check_no_leaks();
	}

	World world{7};
	SimDisk main{world, {.name = "8:0", .sectors = 8192}};
	SimDisk spare{world, {.name = "8:16", .sectors = 65536}};
	MappedDevice device{"dm-test"};
	uint8_t data[64 * 512];
};

TEST_F(HostTarget, AHealthyDeviceIsItsMain)
{
	ASSERT_EQ(device.create(table()), 0) << device.reason();
	fill(0x11);
	EXPECT_EQ(device.write(100, data, 64), DMR_STS_OK);
	fill(0);
	EXPECT_EQ(device.read(100, data, 64), DMR_STS_OK);
	EXPECT_EQ(data[63 * 512], 0x11);
	main.peek(163, data, 1);
	EXPECT_EQ(data[511], 0x11);
	EXPECT_EQ(device.flush(), DMR_STS_OK);
	EXPECT_TRUE(main.unflushed().empty());
	removed_without_leaks();
}

TEST_F(HostTarget, AWriteThatMainRefusesIsCutAndServedByTheSpare)
{
	ASSERT_EQ(device.create(table()), 0) << device.reason();
	main.fail(110, 3);
	fill(0x22);
	EXPECT_EQ(device.write(100, data, 64), DMR_STS_OK);
	fill(0);
	EXPECT_EQ(device.read(100, data, 64), DMR_STS_OK);
	for (uint8_t byte : data)
		ASSERT_EQ(byte, 0x22);
	uint8_t raw[512];
	main.peek(109, raw, 1);
	EXPECT_EQ(raw[0], 0x22);
	main.peek(110, raw, 1);
	EXPECT_EQ(raw[0], 0);
	EXPECT_EQ(device.active()->instance().events[DMR_EVENT_FIRST_REMAP], 1u);
	removed_without_leaks();
}

TEST_F(HostTarget, TheMapSurvivesAPowerCutThatLosesEveryCache)
{
	ASSERT_EQ(device.create(table()), 0) << device.reason();
	main.fail(110, 3);
	fill(0x33);
	ASSERT_EQ(device.write(110, data, 3), DMR_STS_OK);
	world.lose_caches();

	MappedDevice again("dm-test");
	ASSERT_EQ(again.create(table()), 0) << again.reason();
	fill(0);
	EXPECT_EQ(again.read(110, data, 3), DMR_STS_OK);
	EXPECT_EQ(data[2 * 512], 0x33);
	EXPECT_EQ(again.remove(), 0);
	world.check_no_leaks();
}

TEST_F(HostTarget, IoOnASuspendedDeviceWaitsForResume)
{
	UserIo io;
	bool ended = false;

	ASSERT_EQ(device.create(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	EXPECT_EQ(device.suspend(), -EINVAL);
	io.op = DMR_OP_READ;
	io.sectors = 1;
	io.data = data;
	io.done = [&](UserIo &) { ended = true; };
	device.submit(io);
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_FALSE(ended);
	EXPECT_EQ(device.resume(), 0);
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_TRUE(ended);
	removed_without_leaks();
}

TEST_F(HostTarget, ATableIsReloadedUnderIo)
{
	int writes = 0;
	bool over = false;

	ASSERT_EQ(device.create(table()), 0) << device.reason();
	main.fail(200, 8);
	world.spawn("writer", [&] {
		for (int i = 0; i < 40; i++) {
			static uint8_t buffer[16 * 512];
			EXPECT_EQ(device.write(192 + uint64_t(i % 3), buffer, 16), DMR_STS_OK);
			writes++;
		}
		over = true;
	});
	const TableOptions t = table();
	for (int i = 0; i < 3; i++) {
		world.run_until([&] { return writes > 10 * i; });
		EXPECT_EQ(device.load(t), 0) << device.reason();
		EXPECT_EQ(device.resume(), 0) << device.reason();
	}
	EXPECT_EQ(world.run(), Stop::Idle);
	EXPECT_TRUE(over);
	removed_without_leaks();
}

TEST_F(HostTarget, MessagesAndStatus)
{
	int err = 0;

	ASSERT_EQ(device.create(table()), 0) << device.reason();
	EXPECT_FALSE(device.status().empty());
	EXPECT_FALSE(device.message({"help"}, &err).empty());
	EXPECT_EQ(err, 0);
	EXPECT_EQ(device.message({"nonsense"}, &err), "");
	EXPECT_EQ(err, -EINVAL);
	EXPECT_FALSE(device.reason().empty());
	removed_without_leaks();
}

} // namespace
