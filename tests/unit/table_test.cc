// SPDX-License-Identifier: GPL-2.0
// The table line: what is accepted, and every refusal word for word.
#include "core/engine/table_faults.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

using namespace dm_remap;

namespace {

struct Parsed {
	int error;
	std::string reason;
	dmr_table table;
	std::vector<std::string> words;	// table points into them
};

// Split at single spaces; two in a row enclose an empty word.
Parsed parse(const std::string &line)
{
	Parsed p = {};
	std::vector<char *> argv;
	char reason[DMR_REASON_SIZE + 1];

	std::memset(reason, '#', sizeof(reason));
	for (size_t at = 0; !line.empty() && at <= line.size();) {
		size_t end = std::min(line.find(' ', at), line.size());
		p.words.push_back(line.substr(at, end - at));
		at = end + 1;
	}
	for (std::string &word : p.words)
		argv.push_back(word.data());
	std::memset(&p.table, 0xee, sizeof(p.table));
	p.error = dmr_table_parse(static_cast<unsigned int>(argv.size()), argv.data(), &p.table, reason);
	EXPECT_EQ(reason[DMR_REASON_SIZE], '#');
	p.reason = reason;
	return p;
}

#define MISSING "missing; the line is <main> <spare> <spare_start> <spare_sectors> [<#feature_args> <feature_arg>...]"
#define NO_DEVICE "not a device; give its path or <major>:<minor>"
#define NOT_SECTORS "not a number of 512-byte sectors; give decimal digits only"
#define TOO_LARGE "too large; no device has more than 18014398509481983 sectors"
#define NO_ROOM "leaves no room for a spare; give the length of the range in 512-byte sectors"
#define NO_SPARE "not a device; give its path or <major>:<minor>, or - for a missing spare"
#define BEYOND "too large; with its start it goes beyond 18014398509481983 sectors, more than any device has"
#define UNKNOWN                                                                                                        \
	"unknown; the features are: spare <dev> <start> <sectors>, degraded, force, format, main_id <text>, "          \
	"max_extents <n>, new_main, read_retries <n>"
#define INCOMPLETE "incomplete; give <dev> <start> <sectors> after it"
#define OUT_OF_RANGE "out of range; give a number from 1 to 16777216"
#define NO_ID "not usable; give 1 to 95 printable ASCII characters, no space, no backslash"
#define LONG_ID "ata-VENDOR_MODEL_OF_A_DISK_WITH_A_NAME_THAT_IS_ALMOST_TOO_LONG_FOR_US_ABC-00AB1C0_WD-WMC1234567"
#define TWO_SPARES "spare b 0 1 spare c 0 1 "
#define SIX_SPARES TWO_SPARES TWO_SPARES TWO_SPARES

const struct Refused {
	const char *line;
	const char *reason;
} refused[] = {
	// too few words
	{"", "main '': " MISSING},
	{"/dev/a", "spare '': " MISSING},
	{"/dev/a /dev/b", "spare_start '': " MISSING},
	{"/dev/a /dev/b 0", "spare_sectors '': " MISSING},

	// devices
	{" /dev/b 0 100", "main '': " NO_DEVICE},
	{"- /dev/b 0 100", "main '-': " NO_DEVICE},
	{"/dev/a  0 100", "spare '': " NO_SPARE},
	{"- - x y", "main '-': " NO_DEVICE},

	// spare_start
	{"/dev/a /dev/b  100", "spare_start '': " NOT_SECTORS},
	{"/dev/a /dev/b x 100", "spare_start 'x': " NOT_SECTORS},
	{"/dev/a /dev/b 12x 100", "spare_start '12x': " NOT_SECTORS},
	{"/dev/a /dev/b x12 100", "spare_start 'x12': " NOT_SECTORS},
	{"/dev/a /dev/b -1 100", "spare_start '-1': " NOT_SECTORS},
	{"/dev/a /dev/b +1 100", "spare_start '+1': " NOT_SECTORS},
	{"/dev/a /dev/b 0x10 100", "spare_start '0x10': " NOT_SECTORS},
	{"/dev/a /dev/b 1.5 100", "spare_start '1.5': " NOT_SECTORS},
	{"/dev/a /dev/b 1e3 100", "spare_start '1e3': " NOT_SECTORS},
	{"/dev/a /dev/b 1, 100", "spare_start '1,': " NOT_SECTORS},
	{"/dev/a /dev/b 1_000 100", "spare_start '1_000': " NOT_SECTORS},
	{"/dev/a /dev/b 10\t 100", "spare_start '10?': " NOT_SECTORS},
	{"/dev/a /dev/b \n10 100", "spare_start '?10': " NOT_SECTORS},
	{"/dev/a /dev/b 1\x01\x7f\xc3\xbc 100", "spare_start '1???" "?': " NOT_SECTORS},
	{"/dev/a /dev/b 18014398509481984 100", "spare_start '18014398509481984': " TOO_LARGE},
	{"/dev/a /dev/b 18446744073709551615 100", "spare_start '18446744073709551615': " TOO_LARGE},
	{"/dev/a /dev/b 18446744073709551616 100", "spare_start '18446744073709551616': " TOO_LARGE},
	{"/dev/a /dev/b 36893488147419103232 100", "spare_start '36893488147419103232': " TOO_LARGE},
	{"/dev/a /dev/b 99999999999999999999999999999999999999999 100",
	 "spare_start '9999999999999999999999999999999999999...': " TOO_LARGE},
	{"/dev/a /dev/b 99999999999999999999x 100", "spare_start '99999999999999999999x': " NOT_SECTORS},
	{"/dev/a /dev/b 1234567890123456789012345678901234567890x 100",
	 "spare_start '1234567890123456789012345678901234567...': " NOT_SECTORS},

	// spare_sectors
	{"/dev/a /dev/b 0 ", "spare_sectors '': " NOT_SECTORS},
	{"/dev/a /dev/b 0 12x", "spare_sectors '12x': " NOT_SECTORS},
	{"/dev/a /dev/b 0 -5", "spare_sectors '-5': " NOT_SECTORS},
	{"/dev/a /dev/b 0 +5", "spare_sectors '+5': " NOT_SECTORS},
	{"/dev/a /dev/b 0 1G", "spare_sectors '1G': " NOT_SECTORS},
	{"/dev/a /dev/b 0 0x800", "spare_sectors '0x800': " NOT_SECTORS},
	{"/dev/a /dev/b 0 %s%n", "spare_sectors '%s%n': " NOT_SECTORS},
	{"/dev/a /dev/b 0 18014398509481984", "spare_sectors '18014398509481984': " TOO_LARGE},
	{"/dev/a /dev/b 0 18446744073709551616", "spare_sectors '18446744073709551616': " TOO_LARGE},
	{"/dev/a /dev/b 0 0", "spare_sectors '0': " NO_ROOM},
	{"/dev/a /dev/b 5 000", "spare_sectors '000': " NO_ROOM},
	{"/dev/a /dev/b 1 18014398509481983", "spare_sectors '18014398509481983': " BEYOND},
	{"/dev/a /dev/b 18014398509481983 1", "spare_sectors '1': " BEYOND},
	{"/dev/a /dev/b 18014398509481983 18014398509481983", "spare_sectors '18014398509481983': " BEYOND},

	// a missing spare's range is a range, too
	{"/dev/a - x 0", "spare_start 'x': " NOT_SECTORS},
	{"/dev/a - 0 ", "spare_sectors '': " NOT_SECTORS},
	{"/dev/a - 1 18014398509481983", "spare_sectors '18014398509481983': " BEYOND},

	// #feature_args
	{"/dev/a /dev/b 0 100 ", "#feature_args '': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 x", "#feature_args 'x': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 -1", "#feature_args '-1': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 +0", "#feature_args '+0': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 1x format", "#feature_args '1x': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 format", "#feature_args 'format': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 format 1", "#feature_args 'format': not a number; give how many arguments follow"},
	{"/dev/a /dev/b 0 100 1", "#feature_args '1': wrong; the number of arguments that follow is 0"},
	{"/dev/a /dev/b 0 100 0 format", "#feature_args '0': wrong; the number of arguments that follow is 1"},
	{"/dev/a /dev/b 0 100 1 read_retries 5", "#feature_args '1': wrong; the number of arguments that follow is 2"},
	{"/dev/a /dev/b 0 100 3 read_retries 5", "#feature_args '3': wrong; the number of arguments that follow is 2"},
	{"/dev/a /dev/b 0 100 4294967296", "#feature_args '4294967296': wrong; the number of arguments that follow is 0"},
	{"/dev/a /dev/b 0 100 4294967297 format",
	 "#feature_args '4294967297': wrong; the number of arguments that follow is 1"},
	{"/dev/a /dev/b 0 100 18446744073709551617 format",
	 "#feature_args '18446744073709551617': wrong; the number of arguments that follow is 1"},

	// features
	{"/dev/a /dev/b 0 100 1 ", "feature '': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 foo", "feature 'foo': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 FORMAT", "feature 'FORMAT': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 formatt", "feature 'formatt': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 form", "feature 'form': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 read_retries=5", "feature 'read_retries=5': " UNKNOWN},
	{"/dev/a /dev/b 0 100 2 format foo", "feature 'foo': " UNKNOWN},
	{"/dev/a /dev/b 0 100 2 5 read_retries", "feature '5': " UNKNOWN},
	{"/dev/a /dev/b 0 100 3 read_retries 5 6", "feature '6': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 \x1b[31mred", "feature '?[31mred': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd",
	 "feature 'aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd': " UNKNOWN},
	{"/dev/a /dev/b 0 100 1 aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde",
	 "feature 'aaaaaaaaaabbbbbbbbbbccccccccccddddddd...': " UNKNOWN},
	{"/dev/a /dev/b 0 100 2 format format", "feature 'format': given twice; give it once"},
	{"/dev/a /dev/b 0 100 4 format read_retries 5 format", "feature 'format': given twice; give it once"},
	{"/dev/a /dev/b 0 100 4 read_retries 5 read_retries 5", "feature 'read_retries': given twice; give it once"},
	{"/dev/a /dev/b 0 100 3 read_retries 5 read_retries", "feature 'read_retries': given twice; give it once"},
	{"/dev/a /dev/b 0 100 2 degraded degraded", "feature 'degraded': given twice; give it once"},
	{"/dev/a /dev/b 0 100 3 degraded force force", "feature 'force': given twice; give it once"},
	{"/dev/a /dev/b 0 100 4 max_extents 5 max_extents 5", "feature 'max_extents': given twice; give it once"},
	{"/dev/a /dev/b 0 100 1 force", "feature 'force': means nothing alone; give degraded too, or leave it out"},
	{"/dev/a /dev/b 0 100 2 force format", "feature 'force': means nothing alone; give degraded too, or leave it out"},

	// further spares
	{"/dev/a /dev/b 0 100 1 spare", "feature 'spare': " INCOMPLETE},
	{"/dev/a /dev/b 0 100 3 spare /dev/c 0", "feature 'spare': " INCOMPLETE},
	{"/dev/a /dev/b 0 100 6 spare /dev/c 0 1 spare /dev/d", "feature 'spare': " INCOMPLETE},
	{"/dev/a /dev/b 0 100 4 spare  0 1", "spare '': " NO_SPARE},
	{"/dev/a /dev/b 0 100 4 spare /dev/c x 1", "spare_start 'x': " NOT_SECTORS},
	{"/dev/a /dev/b 0 100 4 spare /dev/c 0 format", "spare_sectors 'format': " NOT_SECTORS},
	{"/dev/a /dev/b 0 100 4 spare /dev/c 0 0", "spare_sectors '0': " NO_ROOM},
	{"/dev/a /dev/b 0 100 4 spare /dev/c 18014398509481984 1", "spare_start '18014398509481984': " TOO_LARGE},
	{"/dev/a /dev/b 0 100 4 spare /dev/c 2 18014398509481982", "spare_sectors '18014398509481982': " BEYOND},
	{"/dev/a /dev/b 0 100 4 spare - 2 18014398509481982", "spare_sectors '18014398509481982': " BEYOND},
	{"/dev/a /dev/b 0 100 5 spare /dev/c 0 1 2", "feature '2': " UNKNOWN},
	{"/dev/a /dev/b 0 1 64 " SIX_SPARES SIX_SPARES TWO_SPARES "spare d 0 1 spare /dev/e 0 1",
	 "spare '/dev/e': too many; a set has at most 16 spares, name no more, the first one included"},

	// max_extents
	{"/dev/a /dev/b 0 100 1 max_extents",
	 "feature 'max_extents': has no value; give a number from 1 to 16777216 after it"},
	{"/dev/a /dev/b 0 100 2 max_extents ", "max_extents '': not a number; give one from 1 to 16777216"},
	{"/dev/a /dev/b 0 100 2 max_extents 1k", "max_extents '1k': not a number; give one from 1 to 16777216"},
	{"/dev/a /dev/b 0 100 2 max_extents 0", "max_extents '0': " OUT_OF_RANGE},
	{"/dev/a /dev/b 0 100 2 max_extents 16777217", "max_extents '16777217': " OUT_OF_RANGE},
	{"/dev/a /dev/b 0 100 2 max_extents 18446744073709551617", "max_extents '18446744073709551617': " OUT_OF_RANGE},

	// main_id, new_main
	{"/dev/a /dev/b 0 100 1 main_id",
	 "feature 'main_id': has no value; give what udev calls main's disk after it (ID_WWN, ID_SERIAL)"},
	{"/dev/a /dev/b 0 100 2 format main_id",
	 "feature 'main_id': has no value; give what udev calls main's disk after it (ID_WWN, ID_SERIAL)"},
	{"/dev/a /dev/b 0 100 2 main_id ", "main_id '': " NO_ID},
	{"/dev/a /dev/b 0 100 2 main_id a\tb", "main_id 'a?b': " NO_ID},
	{"/dev/a /dev/b 0 100 2 main_id a\\x20b", "main_id 'a\\x20b': " NO_ID},
	{"/dev/a /dev/b 0 100 2 main_id \xc3\xbc", "main_id '?" "?': " NO_ID},
	{"/dev/a /dev/b 0 100 2 main_id \x7f", "main_id '?': " NO_ID},
	{"/dev/a /dev/b 0 100 2 main_id " LONG_ID "8", "main_id 'ata-VENDOR_MODEL_OF_A_DISK_WITH_A_NAM...': " NO_ID},
	{"/dev/a /dev/b 0 100 4 main_id a main_id a", "feature 'main_id': given twice; give it once"},
	{"/dev/a /dev/b 0 100 3 main_id a main_id", "feature 'main_id': given twice; give it once"},
	{"/dev/a /dev/b 0 100 2 new_main new_main", "feature 'new_main': given twice; give it once"},
	{"/dev/a /dev/b 0 100 2 new_main 1", "feature '1': " UNKNOWN},

	// read_retries
	{"/dev/a /dev/b 0 100 1 read_retries",
	 "feature 'read_retries': has no value; give a number from 0 to 100 after it"},
	{"/dev/a /dev/b 0 100 2 format read_retries",
	 "feature 'read_retries': has no value; give a number from 0 to 100 after it"},
	{"/dev/a /dev/b 0 100 2 read_retries ", "read_retries '': not a number; give one from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries many", "read_retries 'many': not a number; give one from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries -1", "read_retries '-1': not a number; give one from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries 5s", "read_retries '5s': not a number; give one from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries format", "read_retries 'format': not a number; give one from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries 101", "read_retries '101': too large; give a number from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries 4294967297",
	 "read_retries '4294967297': too large; give a number from 0 to 100"},
	{"/dev/a /dev/b 0 100 2 read_retries 18446744073709551617",
	 "read_retries '18446744073709551617': too large; give a number from 0 to 100"},
};

TEST(Table, RefusesWithTheReason)
{
	ASSERT_GE(std::size(refused), 60u);
	for (const Refused &r : refused) {
		Parsed p = parse(r.line);

		EXPECT_EQ(p.error, -EINVAL) << r.line;
		EXPECT_EQ(p.reason, r.reason) << r.line;
	}
}

// Those of messages are in spare_message_test.cc.
TEST(Table, EveryFaultIsAmongTheRefused)
{
	for (const TableFaultText &t : table_fault_texts) {
		if (t.fault >= TableFault::add_device_missing)
			break;
		bool seen = false;

		for (const Refused &r : refused)
			seen = seen || std::string(r.reason).find(std::string("': ") + t.text) != std::string::npos;
		EXPECT_TRUE(seen) << t.text;
	}
}

TEST(Table, TheLongestReasonFits)
{
	for (const TableFaultText &t : table_fault_texts)
		EXPECT_LT(std::string("#feature_args '").size() + 40 + std::string("': ").size() + std::string(t.text).size() +
				  std::string(" 4294967295").size(),
			  size_t(DMR_REASON_SIZE))
			<< t.text;
}

TEST(Table, Minimal)
{
	Parsed p = parse("/dev/sda 8:16 0 2048");

	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_EQ(p.reason, "");
	EXPECT_STREQ(p.table.main_path, "/dev/sda");
	EXPECT_EQ(p.table.main_path, p.words[0].c_str());
	EXPECT_STREQ(p.table.members[0].path, "8:16");
	EXPECT_EQ(p.table.members[0].start, 0u);
	EXPECT_EQ(p.table.members[0].sectors, 2048u);
	EXPECT_EQ(p.table.member_count, 1u);
	EXPECT_EQ(p.table.read_retries, 3u);
	EXPECT_FALSE(p.table.read_retries_given);
	EXPECT_FALSE(p.table.format);
	EXPECT_EQ(p.table.members[1].path, nullptr);
}

TEST(Table, Features)
{
	const struct {
		const char *line;
		bool format, given;
		uint32_t retries;
	} good[] = {
		{"a b 0 1 0", false, false, 3},
		{"a b 0 1 00", false, false, 3},
		{"a b 0 1 1 format", true, false, 3},
		{"a b 0 1 2 read_retries 0", false, true, 0},
		{"a b 0 1 2 read_retries 3", false, true, 3},
		{"a b 0 1 2 read_retries 100", false, true, 100},
		{"a b 0 1 2 read_retries 0000000000000000000000000007", false, true, 7},
		{"a b 0 1 3 format read_retries 5", true, true, 5},
		{"a b 0 1 03 read_retries 5 format", true, true, 5},
	};

	for (const auto &g : good) {
		Parsed p = parse(g.line);

		EXPECT_EQ(p.error, 0) << g.line << ": " << p.reason;
		EXPECT_EQ(p.table.format, g.format) << g.line;
		EXPECT_EQ(p.table.read_retries_given, g.given) << g.line;
		EXPECT_EQ(p.table.read_retries, g.retries) << g.line;
	}
}

TEST(Table, WhichDiskMainIs)
{
	Parsed p = parse("a b 0 1 0");
	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_EQ(p.table.main_id, nullptr);
	EXPECT_FALSE(p.table.new_main);

	p = parse("a b 0 1 2 main_id " LONG_ID);
	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_STREQ(p.table.main_id, LONG_ID);
	EXPECT_EQ(strlen(LONG_ID), size_t(DMR_IDENTITY_SIZE) - 1);
	EXPECT_EQ(p.table.main_id, p.words[6].c_str());
	EXPECT_FALSE(p.table.new_main);

	// A word of the line is a value where one is due.
	p = parse("a b 0 1 4 new_main main_id new_main degraded");
	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_STREQ(p.table.main_id, "new_main");
	EXPECT_TRUE(p.table.new_main);
	EXPECT_TRUE(p.table.degraded);
}

TEST(Table, FurtherSpares)
{
	Parsed p = parse("a b 8 100 14 spare c 16 200 degraded spare - 24 0 max_extents 16777216 spare d 0 1 force");
	EXPECT_EQ(p.reason, "#feature_args '14': wrong; the number of arguments that follow is 16");

	p = parse("a b 8 100 16 spare c 16 200 degraded spare - 24 0 max_extents 16777216 spare d 0 1 force");
	ASSERT_EQ(p.error, 0) << p.reason;
	ASSERT_EQ(p.table.member_count, 4u);
	EXPECT_STREQ(p.table.members[0].path, "b");
	EXPECT_STREQ(p.table.members[1].path, "c");
	EXPECT_EQ(p.table.members[1].start, 16u);
	EXPECT_EQ(p.table.members[1].sectors, 200u);
	EXPECT_EQ(p.table.members[2].path, nullptr);
	EXPECT_EQ(p.table.members[2].start, 24u) << "as given";
	EXPECT_EQ(p.table.members[2].sectors, 0u);
	EXPECT_STREQ(p.table.members[3].path, "d");
	EXPECT_EQ(p.table.max_extents, 16777216u);
	EXPECT_TRUE(p.table.degraded);
	EXPECT_TRUE(p.table.force);
	EXPECT_FALSE(p.table.format);
	EXPECT_FALSE(p.table.read_retries_given);
}

TEST(Table, TheFirstSpareMayBeMissing)
{
	Parsed p = parse("a - 8 100 5 spare c 0 1 degraded");

	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_EQ(p.table.members[0].path, nullptr);
	EXPECT_EQ(p.table.members[0].start, 8u);
	EXPECT_EQ(p.table.members[0].sectors, 100u);
	EXPECT_STREQ(p.table.members[1].path, "c");
	EXPECT_FALSE(p.table.force);
	EXPECT_EQ(p.table.max_extents, 0u);
}

TEST(Table, SixteenSpares)
{
	Parsed p = parse("a b 0 1 60 " SIX_SPARES SIX_SPARES TWO_SPARES "spare z 0 1");

	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_EQ(p.table.member_count, 16u);
	EXPECT_STREQ(p.table.members[15].path, "z");
}

TEST(Table, TheLargestRanges)
{
	Parsed p = parse("a b 0 18014398509481983");
	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_EQ(p.table.members[0].sectors, 18014398509481983u);

	p = parse("a b 18014398509481982 1");
	ASSERT_EQ(p.error, 0) << p.reason;
	EXPECT_EQ(p.table.members[0].start, 18014398509481982u);
}

TEST(Table, TheSamePathTwiceIsForThoseWhoOpenIt)
{
	EXPECT_EQ(parse("/dev/sda /dev/sda 4096 2048").error, 0);
}

} // namespace
