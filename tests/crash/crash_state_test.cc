// SPDX-License-Identifier: GPL-2.0
// The parts of the crash test that decide what is a crash and what is a loss.
#include "files.hh"
#include "journal.hh"
#include "state.hh"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <set>
#include <unistd.h>

namespace dm_remap::crash {
namespace {

constexpr uint64_t disk_bytes = 64 * 1024;

// Sectors filled with one byte each, and the entry that writes them.
struct Write {
	std::vector<uint8_t> data;
	Entry entry;

	Write(uint64_t sector, std::vector<uint8_t> fill, bool fua = false)
	{
		for (const uint8_t byte : fill)
			data.insert(data.end(), sector_bytes, byte);
		entry = {EntryKind::write, 0, fua, sector, static_cast<uint32_t>(fill.size()), data.data()};
	}
};
const Entry flush{EntryKind::flush, 0, false, 0, 0, nullptr};

// What sectors may hold in some state.
std::set<std::vector<uint8_t>> contents(const DiskHistory &disk, Fate fate, uint64_t sector, size_t sectors)
{
	std::set<std::vector<uint8_t>> found;
	host::Random random(7);

	for (int i = 0; i < 2000; i++) {
		const Image image = disk.survivors(random, fate);
		std::vector<uint8_t> state;

		for (size_t s = 0; s < sectors; s++) {
			uint8_t bytes[sector_bytes];

			image.read((sector + s) * sector_bytes, bytes, sizeof(bytes));
			EXPECT_EQ(std::memcmp(bytes, bytes + 1, sizeof(bytes) - 1), 0) << "torn within a sector";
			state.push_back(bytes[0]);
		}
		found.insert(state);
	}
	return found;
}

using States = std::set<std::vector<uint8_t>>;

// Wherever it lies: guarded or moved, it is on a spare.
TEST(CrashState, ASuperblockOfExt4IsNotTorn)
{
	DiskHistory disk(disk_bytes);
	std::vector<uint8_t> data(4 * sector_bytes, 1);
	uint8_t *superblock = &data[sector_bytes];
	const Entry fresh{EntryKind::write, 0, false, 29, 4, data.data()};
	host::Random random(7);
	std::set<std::vector<uint8_t>> found;

	superblock[0x38] = 0x53, superblock[0x39] = 0xef;
	std::memset(superblock + 0x14, 0, 4);
	disk.apply(fresh);
	for (int i = 0; i < 2000; i++) {
		const Image image = disk.survivors(random, Fate::by_sector);
		std::vector<uint8_t> state(4);

		for (size_t s = 0; s < state.size(); s++)
			image.read((29 + s) * sector_bytes, &state[s], 1);
		EXPECT_EQ(state[1], state[2]);
		found.insert(state);
	}
	EXPECT_EQ(found.size(), 8u) << "the others stand for themselves";
}

TEST(CrashState, UnflushedWritesAreLostKeptOrTorn)
{
	DiskHistory disk(disk_bytes);
	const Write old(8, {1, 1}), fresh(8, {2, 2});

	disk.apply(old.entry);
	disk.apply(flush);
	disk.apply(fresh.entry);
	EXPECT_EQ(contents(disk, Fate::drawn, 8, 2), (States{{1, 1}, {1, 2}, {2, 1}, {2, 2}}));
	EXPECT_EQ(contents(disk, Fate::lost, 8, 2), (States{{1, 1}}));
	EXPECT_EQ(contents(disk, Fate::kept, 8, 2), (States{{2, 2}}));
	EXPECT_EQ(contents(disk, Fate::by_write, 8, 2), (States{{1, 1}, {2, 2}}));
}

TEST(CrashState, AFlushLeavesNoChoice)
{
	DiskHistory disk(disk_bytes);
	const Write a(15, {1, 2}), b(16, {3});

	disk.apply(a.entry);
	disk.apply(b.entry);
	disk.apply(flush);
	EXPECT_EQ(contents(disk, Fate::drawn, 15, 2), (States{{1, 3}}));
	EXPECT_EQ(disk.unflushed(), 0u);
}

TEST(CrashState, FuaCoversItselfAlone)
{
	DiskHistory disk(disk_bytes);
	const Write before(0, {1, 1}), durable(1, {2}, true), after(1, {3});

	disk.apply(before.entry);
	disk.apply(durable.entry);
	EXPECT_EQ(contents(disk, Fate::drawn, 0, 2), (States{{0, 2}, {1, 2}}));
	disk.apply(after.entry);
	EXPECT_EQ(contents(disk, Fate::drawn, 0, 2), (States{{0, 2}, {1, 2}, {0, 3}, {1, 3}}));
}

TEST(CrashState, TheLastFewMayOutliveWhatCameBefore)
{
	DiskHistory disk(disk_bytes);
	const Write data(0, {1}), record(8, {2});

	disk.apply(data.entry);
	disk.apply(record.entry);
	EXPECT_EQ(contents(disk, Fate::latest, 0, 9).count({0, 0, 0, 0, 0, 0, 0, 0, 2}), 1u);
}

TEST(CrashState, AStateIsWrittenToAlone)
{
	DiskHistory disk(disk_bytes);
	const Write data(0, {1});
	host::Random random(1);
	const uint8_t changed = 9;
	uint8_t byte;

	disk.apply(data.entry);
	disk.apply(flush);
	Image one = disk.survivors(random, Fate::kept), other = disk.survivors(random, Fate::kept);
	one.write(511, &changed, 1);
	one.read(511, &byte, 1);
	EXPECT_EQ(byte, 9);
	other.read(511, &byte, 1);
	EXPECT_EQ(byte, 1);
}

TEST(CrashJournal, ReadsBackAllButAnUnfinishedEnd)
{
	const std::string path = testing::TempDir() + "/journal." + std::to_string(getpid());
	const Write a(3, {1, 2}), b(0, {7}, true);

	{
		JournalWriter writer(path, {{"main", 128}, {"mark", 16}});
		writer.append(a.entry);
		writer.append(flush);
		writer.append(b.entry);
	}
	{
		const Journal journal(path);

		ASSERT_EQ(journal.entries().size(), 3u);
		EXPECT_EQ(journal.disk("mark"), 1);
		EXPECT_EQ(journal.disks()[0].sectors, 128u);
		EXPECT_EQ(journal.entries()[0].sector, 3u);
		EXPECT_EQ(std::memcmp(journal.entries()[0].data, a.data.data(), a.data.size()), 0);
		EXPECT_EQ(journal.entries()[1].kind, EntryKind::flush);
		EXPECT_TRUE(journal.entries()[2].fua);
	}
	// As a writer leaves it that was killed.
	ASSERT_EQ(truncate(path.c_str(), 16 + 16 * 32 + 24 + 1024 + 24 + 24 + 100), 0);
	EXPECT_EQ(Journal(path).entries().size(), 2u);
	unlink(path.c_str());
}

class ExpectationTest : public testing::Test {
protected:
	std::vector<uint8_t> content = std::vector<uint8_t>(2 * block_bytes);
	Expectation expectation;

	void fill(uint32_t block, uint32_t version) { fill_block(1, block, version, &content[block * block_bytes]); }
	std::string check()
	{
		return expectation.check_files([this](const std::string &path, std::vector<uint8_t> &out) {
			out = content;
			return path == "d0/f1";
		});
	}
};

TEST_F(ExpectationTest, PromisesNothingBeforeTheFirstSync)
{
	expectation.apply("begin 1 1 0 2");
	EXPECT_EQ(check(), "");
	expectation.apply("synced 1 1 4096:8192");
	EXPECT_NE(check().find("zeroes"), std::string::npos);
}

TEST_F(ExpectationTest, AllowsWhatIsBetweenSyncedAndBegun)
{
	expectation.apply("begin 1 1 0 2");
	expectation.apply("synced 1 1");
	expectation.apply("begin 1 2 1 1");
	fill(0, 1);
	fill(1, 1);
	EXPECT_EQ(check(), "");
	fill(1, 2);
	EXPECT_EQ(check(), "");
	// Torn, but sector by sector one or the other.
	std::vector<uint8_t> older(block_bytes);
	fill_block(1, 1, 1, older.data());
	std::copy_n(older.begin(), sector_bytes, content.begin() + block_bytes);
	EXPECT_EQ(check(), "");
	expectation.apply("synced 1 2");
	EXPECT_NE(check().find("version 1, synced was 2"), std::string::npos) << check();
	// A version that was never begun there.
	fill(0, 2);
	EXPECT_NE(check().find("block 0"), std::string::npos);
}

TEST_F(ExpectationTest, NoticesForeignTornAndShortContent)
{
	expectation.apply("begin 1 1 0 2");
	expectation.apply("synced 1 1");
	fill(0, 1);
	fill_block(1, 0, 1, &content[block_bytes]);
	EXPECT_NE(check().find("holds file d0/f1, block 0"), std::string::npos) << check();
	fill(1, 1);
	content[block_bytes + 700] ^= 1;
	EXPECT_NE(check().find("torn within the sector"), std::string::npos) << check();
	content.resize(block_bytes);
	EXPECT_NE(check().find("ends at byte 4096"), std::string::npos) << check();
}

TEST_F(ExpectationTest, MissesAFileUntilItIsGone)
{
	expectation.apply("begin 3 1 0 1");
	expectation.apply("synced 3 1");
	EXPECT_NE(check().find("is not there"), std::string::npos);
	expectation.apply("gone 3");
	EXPECT_EQ(check(), "");
}

TEST_F(ExpectationTest, LooksWhereTheDataWasSynced)
{
	expectation.apply("begin 1 1 0 2");
	expectation.apply("synced 1 1 40960:4096 8192:4096");
	std::vector<uint8_t> device(disk_bytes);
	fill_block(1, 0, 1, &device[40960]);
	fill_block(1, 1, 1, &device[8192]);
	const auto read = [&](uint64_t at, void *out, size_t n) { std::memcpy(out, &device[at], n); };
	EXPECT_EQ(expectation.check_extents(read), "");
	device[8192] = 0;
	EXPECT_NE(expectation.check_extents(read).find("at byte 8192"), std::string::npos);
}

} // namespace
} // namespace dm_remap::crash
