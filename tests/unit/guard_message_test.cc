// SPDX-License-Identifier: GPL-2.0
// The words of guard and unguard, and the sector that stands on main.
#include "core/engine/table_faults.hh"
#include "core/recovery/guard.hh"
#include "message_words.hh"

namespace dm_remap {
namespace {

auto parse(std::vector<std::string> words)
{
	return parse_words(dmr_guard_message_parse, std::move(words));
}

TEST(GuardMessage, Accepted)
{
	auto p = parse({"guard", "2", "2", "1000", "8"});

	EXPECT_EQ(p.result, 1);
	EXPECT_FALSE(p.message.off);
	ASSERT_EQ(p.message.count, 2u);
	EXPECT_EQ(p.message.ranges[0].sector, 2u);
	EXPECT_EQ(p.message.ranges[1].sector, 1000u);
	EXPECT_EQ(p.message.ranges[1].count, 8u);
	p = parse({"unguard"});
	EXPECT_EQ(p.result, 1);
	EXPECT_TRUE(p.message.off);
	for (const auto &other : {std::vector<std::string>{}, {"status"}, {"guards"}, {""}})
		EXPECT_EQ(parse(other).result, 0);
}

TEST(GuardMessage, AsManyAsThereIsRoomFor)
{
	std::vector<std::string> words = {"guard"};

	for (int i = 0; i < DMR_GUARD_RANGES; i++)
		words.insert(words.end(), {"8", "8"});
	EXPECT_EQ(parse(words).result, 1);
	words.insert(words.end(), {"9", "8"});
	const auto p = parse(words);
	EXPECT_EQ(p.result, -EINVAL);
	EXPECT_EQ(p.reason, "sector '9': too many; name 32 ranges at most, and the others when this job has ended");
}

const RefusedWords refused[] = {
	{{"guard"}, "message 'guard': names no sector; the message is guard <sector> <count> [<sector> <count>...]"},
	{{"guard", "8"}, "count '': missing; behind each sector say how many, the message is guard <sector> <count> [<sector> <count>...]"},
	{{"guard", "8", "1", "9"},
	 "count '': missing; behind each sector say how many, the message is guard <sector> <count> [<sector> <count>...]"},
	{{"guard", "x", "1"}, "sector 'x': not a number of 512-byte sectors; give decimal digits only"},
	{{"guard", "8", "0"}, "count '0': names no sector; give how many 512-byte sectors, at least 1"},
	{{"guard", "18014398509481983", "1"},
	 "count '1': too large; with its start it goes beyond 18014398509481983 sectors, more than any device has"},
	{{"unguard", "8"}, "word '8': one word too many; this message takes none"},
};

TEST(GuardMessage, RefusesWithTheReason)
{
	expect_refused(parse, refused);
}

GuardStamp stamp()
{
	GuardStamp s = {};

	for (uint8_t i = 0; i < DMR_UUID_SIZE; i++) {
		s.set[i] = static_cast<uint8_t>(0xa0 + i);
		s.main[i] = static_cast<uint8_t>(0xb0 + i);
	}
	std::strcpy(s.name, "data");
	return s;
}

uint32_t bits_by_bit(const uint8_t *bytes, size_t n)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < n; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

// By the table in docs/on-disk-format.md, without the header that is made from it.
TEST(GuardSector, IsWhatThePageSays)
{
	uint8_t sector[2][512];

	stamp().fill(sector, 0x0102030405060708, 2);
	uint8_t *s = sector[1];
	EXPECT_EQ(std::string(reinterpret_cast<char *>(s), 16), "DMREMAP GUARD 1\n");
	EXPECT_EQ(std::string(reinterpret_cast<char *>(s) + 16).find("This disk is a part of the dm-remap device 'data': use that device"), 0u);
	EXPECT_EQ(s[16 + std::strlen(reinterpret_cast<char *>(s) + 16) - 1], '\n');
	const uint8_t number[8] = {9, 7, 6, 5, 4, 3, 2, 1};
	EXPECT_EQ(std::memcmp(s + 368, number, 8), 0);
	EXPECT_EQ(std::memcmp(s + 376, stamp().set, 16), 0);
	EXPECT_EQ(std::memcmp(s + 392, stamp().main, 16), 0);
	const uint32_t crc = s[496] | s[497] << 8 | s[498] << 16 | static_cast<uint32_t>(s[499]) << 24;
	std::memset(s + 496, 0, 4);
	EXPECT_EQ(crc, bits_by_bit(s, 512));
	for (size_t i = 408; i < 512; i++)
		EXPECT_EQ(s[i], 0) << i;
}

TEST(GuardSector, IsKnownByItsChecksumAndToItsSetAndPlace)
{
	uint8_t s[512];
	GuardStamp other_set = stamp(), other_main = stamp(), other_name = stamp();

	other_set.set[3] ^= 1;
	other_main.main[3] ^= 1;
	other_name.name[0] = 'x';
	stamp().fill(s, 77, 1);
	EXPECT_EQ(look_at_guard(stamp(), s, 77), GuardSight::ours);
	EXPECT_EQ(look_at_guard(other_name, s, 77), GuardSight::ours);
	EXPECT_EQ(look_at_guard(stamp(), s, 78), GuardSight::foreign);
	EXPECT_EQ(look_at_guard(other_set, s, 77), GuardSight::foreign);
	EXPECT_EQ(look_at_guard(other_main, s, 77), GuardSight::foreign);
	EXPECT_TRUE(any_guard(s, 1));
	for (size_t i = 0; i < sizeof(s); i++) {
		s[i] ^= 0x10;
		EXPECT_EQ(look_at_guard(stamp(), s, 77), GuardSight::none) << i;
		EXPECT_FALSE(any_guard(s, 1));
		s[i] ^= 0x10;
	}
}

// Also of a name that fills its field, or is not fit to be printed.
TEST(GuardSector, TheTextEndsWithinItsField)
{
	GuardStamp long_name = stamp(), odd_name = stamp();
	uint8_t s[512];

	std::memset(long_name.name, 'n', sizeof(long_name.name) - 1);
	odd_name.name[1] = '\n';
	long_name.fill(s, 0, 1);
	EXPECT_EQ(s[16 + 351], 0);
	EXPECT_NE(std::string(reinterpret_cast<char *>(s) + 16).find("'dmsetup message NAME 0 unguard' gives them back.\n"), std::string::npos);
	odd_name.fill(s, 0, 1);
	EXPECT_NE(std::string(reinterpret_cast<char *>(s) + 16).find("'d?ta'"), std::string::npos);
}

} // namespace
} // namespace dm_remap
