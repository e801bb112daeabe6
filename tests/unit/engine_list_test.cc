// SPDX-License-Identifier: GPL-2.0
// The message that lists extents.
#include "engine_pool_fixture.hh"

#include <map>

namespace dm_remap::host {

namespace {

class EngineList : public EnginePool {
protected:
	// The answer, without its last line, which is left in `last` with its generation taken off.
	std::vector<std::string> list(const std::vector<std::string> &words = {})
	{
		std::vector<std::string> message = { "list" }, lines;
		int err = 0;

		message.insert(message.end(), words.begin(), words.end());
		const std::string answer = device.message(message, &err);

		EXPECT_EQ(err, 0) << device.reason();
		for (size_t at = 0, end; (end = answer.find('\n', at)) != answer.npos; at = end + 1)
			lines.push_back(answer.substr(at, end - at));
		EXPECT_FALSE(lines.empty());
		last = lines.back();
		lines.pop_back();
		const size_t generation = last.find(" generation=");

		EXPECT_NE(generation, last.npos);
		if (generation != last.npos) {
			EXPECT_EQ(last.substr(generation + 12), std::to_string(snapshot().generation));
			last.resize(generation);
		}
		return lines;
	}
	std::string refused(const std::vector<std::string> &words)
	{
		int err = 0;

		EXPECT_EQ(device.message(words, &err), "");
		EXPECT_EQ(err, -EINVAL);
		return device.reason();
	}
	// On the only spare, whose range begins with the disk.
	uint64_t data_start() { return spare.options().sectors - snapshot().spare_sectors_total; }
	std::string mapped(uint64_t at, uint64_t n, uint64_t place)
	{
		return "extent main=" + std::to_string(at) + " sectors=" + std::to_string(n) +
		       " kind=mapped spare=0 spare_sector=" + std::to_string(data_start() + place);
	}

	std::string last;
};

using Lines = std::vector<std::string>;

TEST_F(EngineList, EachExtentWithItsPlace)
{
	create(one());
	EXPECT_EQ(list(), Lines());
	EXPECT_EQ(last, "end");
	main.fail(1000, 4);
	main.fail(5000, 1);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	ASSERT_EQ(read_status(1002, 2), DMR_STS_MEDIUM);
	ASSERT_EQ(write(5000, 1, 1), DMR_STS_OK);
	EXPECT_EQ(list(), (Lines{ mapped(1000, 2, 0), "extent main=1002 sectors=2 kind=pending", mapped(5000, 1, 2) }));
	EXPECT_EQ(last, "end");
}

TEST_F(EngineList, FromASectorOn)
{
	create(one());
	main.fail(1000, 4);
	ASSERT_EQ(write(1000, 4, 1), DMR_STS_OK);
	EXPECT_EQ(list({ "1000" }), Lines{ mapped(1000, 4, 0) });
	EXPECT_EQ(list({ "1003" }), Lines{ mapped(1003, 1, 3) });
	EXPECT_EQ(list({ "1004" }), Lines());
	EXPECT_EQ(list({ "18014398509481983" }), Lines());
	EXPECT_EQ(last, "end");
}

TEST_F(EngineList, SoManyAndWhereToGoOn)
{
	create(one());
	for (uint64_t at : { 1000, 2000, 3000 }) {
		main.fail(at, 1);
		ASSERT_EQ(write(at, 1, 1), DMR_STS_OK);
	}
	EXPECT_EQ(list({ "0", "2" }), (Lines{ mapped(1000, 1, 0), mapped(2000, 1, 1) }));
	EXPECT_EQ(last, "next=2001");
	EXPECT_EQ(list({ "3000", "2" }), Lines{ mapped(3000, 1, 2) });
	EXPECT_EQ(last, "end");
	EXPECT_EQ(list({ "0", "3" }).size(), 3u);
	EXPECT_EQ(last, "end");
}

// A commit between two answers joins what was listed with what was not.
TEST_F(EngineList, NoSectorIsListedTwice)
{
	create(one());
	main.fail(1000, 4);
	main.fail(2000, 1);
	ASSERT_EQ(write(1000, 2, 1), DMR_STS_OK);
	ASSERT_EQ(read_status(2000, 1), DMR_STS_MEDIUM);
	EXPECT_EQ(list({ "0", "1" }), Lines{ mapped(1000, 2, 0) });
	EXPECT_EQ(last, "next=1002");
	ASSERT_EQ(write(1002, 2, 1), DMR_STS_OK);
	ASSERT_EQ(snapshot().active_mappings, 1u);
	EXPECT_EQ(list({ "1002" }), (Lines{ mapped(1002, 2, 2), "extent main=2000 sectors=1 kind=pending" }));
}

// More than fits: what is listed is whole, and it says where to go on.
TEST_F(EngineList, AsManyAsTheBufferHolds)
{
	TableOptions t = table();
	std::map<uint64_t, uint64_t> found;
	std::string from = "0";
	uint32_t answers = 0;

	create(t);
	for (uint64_t at = 10000; at < 10000 + 2 * 600; at += 2)
		main.fail(at, 1);
	ASSERT_EQ(write(10000, 1200, 1), DMR_STS_OK);
	ASSERT_EQ(snapshot().active_mappings, 600u);
	for (last = ""; last != "end"; answers++) {
		for (const std::string &line : list({ from, "65536" })) {
			unsigned long long at, n, place;

			ASSERT_EQ(sscanf(line.c_str(), "extent main=%llu sectors=%llu kind=mapped spare=0 spare_sector=%llu", &at, &n,
					 &place), 3) << line;
			ASSERT_TRUE(found.emplace(at, place).second);
			ASSERT_EQ(n, 1u);
		}
		if (last != "end") {
			ASSERT_EQ(last.substr(0, 5), "next=");
			from = last.substr(5);
		}
	}
	EXPECT_EQ(found.size(), 600u);
	EXPECT_GT(answers, 1u);
}

// dm asks again with a larger one.
TEST_F(EngineList, ABufferForNoneCountsAsCutOff)
{
	create(one());
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	for (size_t size = 1; size < 100; size++) {
		char word[] = "list", reason[DMR_REASON_SIZE], *argv[] = { word };
		std::vector<char> answer(size);

		ASSERT_EQ(dmr_engine_message(device.active()->engine(), 1, argv, answer.data(), size, reason), 1);
		const std::string text = answer.data();

		ASSERT_TRUE(text.size() + 1 >= size || text.find("end generation=") != text.npos) << size << ": " << text;
	}
}

TEST_F(EngineList, WhatLivesOnAMissingSpareHasNoPlace)
{
	create(two());
	main.fail(1000, 1);
	ASSERT_EQ(write(1000, 1, 1), DMR_STS_OK);
	recreate(degraded(second, true));
	EXPECT_EQ(list(), Lines{ "extent main=1000 sectors=1 kind=mapped spare=0" });
	ASSERT_EQ(device.forget_spare(0, true), 0) << device.reason();
	EXPECT_EQ(list(), Lines{ "extent main=1000 sectors=1 kind=lost" });
}

TEST_F(EngineList, Refusals)
{
	create(one());
	EXPECT_EQ(refused({ "list", "a" }), "from 'a': not a number of 512-byte sectors; give decimal digits only");
	EXPECT_EQ(refused({ "list", "18014398509481984" }),
		  "from '18014398509481984': too large; no device has more than 18014398509481983 sectors");
	EXPECT_EQ(refused({ "list", "0", "0" }), "count '0': not a number of extents; give one from 1 to 65536");
	EXPECT_EQ(refused({ "list", "0", "65537" }), "count '65537': not a number of extents; give one from 1 to 65536");
	EXPECT_EQ(refused({ "list", "0", "1", "2" }), "word '2': one word too many; the message is list [<from> [<count>]]");
}

class EngineList4Kn : public EngineTest {
protected:
	EngineList4Kn()
		: EngineTest({ .name = "8:0", .sectors = 40960, .logical_block_bytes = 4096, .physical_block_bytes = 4096 },
			     { .name = "8:16", .sectors = 16384 })
	{
	}
};

TEST_F(EngineList4Kn, InSectors)
{
	TableOptions t = table();

	t.members = { { &spare, 4096, 8192 } };
	ASSERT_EQ(device.create(t), 0) << device.reason();
	main.fail(1000, 8);
	ASSERT_EQ(write(1000, 8, 1), DMR_STS_OK);
	const std::string place = std::to_string(4096 + 8192 - snapshot().spare_sectors_total);

	EXPECT_EQ(device.message({ "list", "1001" }), "extent main=1000 sectors=8 kind=mapped spare=0 spare_sector=" + place +
							      "\nend generation=" + std::to_string(snapshot().generation) + "\n");
}

} // namespace

} // namespace dm_remap::host
