// SPDX-License-Identifier: GPL-2.0
// What the message `health` tells of errors lately.
#include "engine_fixture.hh"

using namespace dm_remap::host;

namespace {

class EngineHealth : public EngineTest {
protected:
	// Its value of this key.
	std::string told(const std::string &key)
	{
		const std::string s = device.message({ "health" });
		const size_t at = s.find(" " + key + "=");

		EXPECT_NE(at, std::string::npos) << s;
		return s.substr(at + key.size() + 2, s.find_first_of(" \n", at + 1) - at - key.size() - 2);
	}
	void pass(uint64_t minutes)
	{
		world.spawn("waiter", [&] { world.scheduler().sleep(minutes * 60'000'000'000); });
		world.run();
	}
};

TEST_F(EngineHealth, AWriteThatIsRecoveredEndsTheRow)
{
	create();
	EXPECT_EQ(told("consecutive_errors"), "0");
	EXPECT_EQ(told("trend"), "unknown");
	main.fail(100, 8, Fault::unreadable());
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(read_status(100, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(told("consecutive_errors"), "3");
	EXPECT_EQ(read_status(5000, 1), DMR_STS_OK);
	EXPECT_EQ(told("consecutive_errors"), "3") << "the healthy path counts nothing";
	main.fail(200, 1);
	EXPECT_EQ(write(200, 1, 1), DMR_STS_OK);
	EXPECT_EQ(told("consecutive_errors"), "0");
}

TEST_F(EngineHealth, RatesAndTrend)
{
	create();
	pass(180);
	EXPECT_EQ(told("trend"), "steady");
	main.fail(1000, 800);
	for (uint64_t at = 1000; at < 1048; at += 8)
		EXPECT_EQ(write(at, 8, 1), DMR_STS_OK);
	EXPECT_EQ(told("errors_last_hour"), "6");
	EXPECT_EQ(told("error_rate_per_hour"), "6");
	EXPECT_EQ(told("errors_last_day"), "6");
	EXPECT_EQ(told("error_rate_per_hour_of_day"), "2.00");
	EXPECT_EQ(told("trend"), "rising");
	pass(61);
	EXPECT_EQ(told("error_rate_per_hour"), "0");
	EXPECT_EQ(told("errors_last_day"), "6");
	EXPECT_EQ(told("trend"), "steady") << "two in an hour are no more than chance";
	// Also in the next table.
	ASSERT_EQ(device.load(table()), 0) << device.reason();
	ASSERT_EQ(device.suspend(), 0);
	ASSERT_EQ(device.resume(), 0);
	EXPECT_EQ(told("errors_last_day"), "6");
}

} // namespace
