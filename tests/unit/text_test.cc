// SPDX-License-Identifier: GPL-2.0
#include <dm_remap/text.hh>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

using namespace dm_remap;

namespace {

constexpr uint64_t most_u64 = ~0ull;

TEST(Text, NumbersAreDigitsOnly)
{
	for (const char *text : {"", " ", "x", "-", "+", "-1", "+1", " 1", "1 ", "1\n", "0x1", "1x", "1.0", "1e1", "\xd9\xa1",
				 "18446744073709551616x"})
		EXPECT_EQ(parse_u64(text).error().code(), EINVAL) << text;
	EXPECT_EQ(*parse_u64("0"), 0u);
	EXPECT_EQ(*parse_u64("007"), 7u);
	EXPECT_EQ(*parse_u64("18446744073709551615"), most_u64);
}

TEST(Text, NumbersTooLargeAreToldApart)
{
	for (const char *text : {"18446744073709551616", "18446744073709551620", "18446744073709551625",
				 "99999999999999999999", "184467440737095516150", "36893488147419103232"})
		EXPECT_EQ(parse_u64(text).error().code(), ERANGE) << text;
	EXPECT_EQ(parse_u32("4294967296").error().code(), ERANGE);
	EXPECT_EQ(*parse_u32("4294967295"), 4294967295u);
}

TEST(Text, EveryLimitIsExact)
{
	for (uint64_t most = 0; most < 300; most++) {
		for (uint64_t value = 0; value < 400; value++) {
			Result<uint64_t> r = parse_u64(std::to_string(value).c_str(), most);

			ASSERT_EQ(r.ok(), value <= most) << value << " of " << most;
			ASSERT_EQ(r.ok() ? *r : value, value);
			ASSERT_EQ(r.error().code(), r.ok() ? 0 : ERANGE);
		}
	}
	for (uint64_t most : {most_u64, most_u64 - 1, most_u64 - 5, most_u64 - 6, most_u64 / 10, most_u64 / 10 * 10}) {
		EXPECT_EQ(*parse_u64(std::to_string(most).c_str(), most), most);
		EXPECT_EQ(parse_u64(std::to_string(most + 1).c_str(), most).ok(), most == most_u64);
	}
}

TEST(Text, SameText)
{
	EXPECT_TRUE(same_text("", ""));
	EXPECT_TRUE(same_text("status", "status"));
	EXPECT_FALSE(same_text("status", "statu"));
	EXPECT_FALSE(same_text("statu", "status"));
	EXPECT_FALSE(same_text("status", "Status"));
}

TEST(TextWriter, AppendsAndCounts)
{
	char buffer[64];
	TextWriter w(buffer, sizeof(buffer));

	EXPECT_STREQ(buffer, "");
	w.print("%s=%u", "a", 5u);
	w.put(' ');
	w.print("%llu", 1ull << 40);
	EXPECT_STREQ(buffer, "a=5 1099511627776");
	EXPECT_EQ(w.length(), std::strlen(buffer));
	EXPECT_FALSE(w.full());
}

TEST(TextWriter, NeverWritesPastTheEnd)
{
	for (size_t size = 0; size < 40; size++) {
		char buffer[48];

		std::memset(buffer, '#', sizeof(buffer));
		TextWriter w(buffer, size);
		for (int i = 0; i < 3; i++) {
			w.print("%s-%d", "abc", i);
			w.put('|');
			w.quoted("x\ny");
		}
		const std::string whole = "abc-0|'x?y'abc-1|'x?y'abc-2|'x?y'";
		for (size_t i = size; i < sizeof(buffer); i++)
			ASSERT_EQ(buffer[i], '#') << size;
		ASSERT_EQ(std::string(buffer, w.length()), whole.substr(0, size ? size - 1 : 0)) << size;
		ASSERT_EQ(buffer[w.length()], size ? '\0' : '#') << size;
		ASSERT_EQ(w.length(), size ? std::min(size - 1, whole.size()) : 0) << size;
		ASSERT_EQ(w.full(), size <= whole.size() + 1) << size;
	}
}

TEST(TextWriter, QuotedShortensAndHidesWhatIsNotPrintable)
{
	const struct {
		const char *text;
		size_t most;
		const char *shown;
	} cases[] = {
		{"", 5, "''"},	     {"abcde", 5, "'abcde'"}, {"abcdef", 5, "'ab...'"},	 {"a'b", 5, "'a'b'"},
		{"abcd", 3, "'...'"}, {"abcd", 2, "'..'"},     {"a", 0, "''"},		  {"\x1b\x7f\xff ~", 5, "'??? ~'"},
	};

	for (const auto &c : cases) {
		char buffer[32];
		TextWriter w(buffer, sizeof(buffer));

		w.quoted(c.text, c.most);
		EXPECT_STREQ(buffer, c.shown);
	}
}

} // namespace
