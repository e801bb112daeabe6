// SPDX-License-Identifier: GPL-2.0
// Lists of bad blocks that other programs have written: what is taken from them, and what is refused, with its line.
#include "exit_status.hh"
#include "lists/block_list.hh"
#include "lists/text.hh"

#include <gtest/gtest.h>

namespace dm_remap::tool {

namespace {

using testing::Test;

std::string refusal(const auto &f)
{
	try {
		f();
	} catch (const Failure &failure) {
		EXPECT_EQ(failure.status(), ExitStatus::failed);
		EXPECT_EQ(failure.id(), "list");
		return failure.what();
	}
	return "not refused";
}

std::string bad_badblocks(std::string_view text)
{
	return refusal([&] { read_badblocks(text); });
}

std::string bad_ddrescue(std::string_view text)
{
	return refusal([&] { read_ddrescue(text, Mapped::failed); });
}

std::string bad_smart(std::string_view text)
{
	return refusal([&] { read_smart(text); });
}

// "first+count" of each run.
std::string runs_of(const BlockList &list)
{
	std::string out;

	for (const ListedRun &run : list.runs)
		out += (out.empty() ? "" : " ") + std::to_string(run.first) + "+" + std::to_string(run.count);
	return out;
}

TEST(ListText, NumbersAsInCxx)
{
	EXPECT_EQ(lists::number("0"), 0u);
	EXPECT_EQ(lists::number("10"), 10u);
	EXPECT_EQ(lists::number("0x10"), 16u);
	EXPECT_EQ(lists::number("0XfF"), 255u);
	EXPECT_EQ(lists::number("010"), 8u);
	EXPECT_EQ(lists::number("9223372036854775807"), lists::most);
	for (const char *word : {"", "-1", "+1", "0x", "08", "1 ", "0x-1", "1.0", "9223372036854775808", "18446744073709551617", "0x8000000000000000"})
		EXPECT_FALSE(lists::number(word)) << word;
	EXPECT_EQ(lists::decimal("010"), 10u);
	EXPECT_FALSE(lists::decimal("0x10"));
}

TEST(ListText, LinesOfUnixAndOfWindows)
{
	lists::Lines lines("a\r\n\nb");

	ASSERT_TRUE(lines.next());
	EXPECT_EQ(lines.line(), "a");
	ASSERT_TRUE(lines.next());
	EXPECT_EQ(lines.line(), "");
	ASSERT_TRUE(lines.next());
	EXPECT_EQ(lines.line(), "b");
	EXPECT_EQ(lines.number(), 3u);
	EXPECT_FALSE(lines.next());
}

// --- badblocks

TEST(ReadBadblocks, NumbersBecomeRuns)
{
	const BlockList list = read_badblocks("8\n9\r\n  10 \n\n11\n3\n3\n");

	// A run is on lines that follow each other.
	EXPECT_EQ(runs_of(list), "8+3 11+1 3+1 3+1");
	EXPECT_EQ(list.unit, std::nullopt);
	EXPECT_EQ(list.place(list.runs[0], 10), "line 3");
	EXPECT_EQ(list.place(list.runs[1], 11), "line 5");
	EXPECT_EQ(runs_of(read_badblocks("")), "");
	EXPECT_EQ(runs_of(read_badblocks("\n \n")), "");
}

TEST(ReadBadblocks, WhatIsNoNumberIsRefused)
{
	EXPECT_EQ(bad_badblocks("1\n2x\n"), "line 2: '2x' is no block number; badblocks writes one a line, in decimal");
	for (const std::string_view text : {std::string_view("-1"), std::string_view("1 2"), std::string_view("0x10"), std::string_view("1\0", 2), std::string_view("# 1"),
					    std::string_view("18446744073709551616"), std::string_view("9223372036854775807"), std::string_view("1,2"), std::string_view("\xff")})
		EXPECT_NE(bad_badblocks(text), "not refused") << text;
	// Printable, and not endless.
	const std::string refused = bad_badblocks("\x1b[31m" + std::string(1000, 'x'));

	EXPECT_EQ(refused.find('\x1b'), refused.npos);
	EXPECT_LT(refused.size(), 200u);
}

TEST(ReadBadblocks, ALineWithoutEnd)
{
	EXPECT_EQ(bad_badblocks("1\n" + std::string(100'000, ' ') + "\n"), "line 2: more than 65536 bytes: this is no list");
}

TEST(ReadBadblocks, AMillionLines)
{
	std::string text;

	for (int i = 0; i < 1'000'000; i++)
		text += std::to_string(2 * i) + "\n";
	const BlockList list = read_badblocks(text);

	ASSERT_EQ(list.runs.size(), 1'000'000u);
	EXPECT_EQ(list.place(list.runs.back(), list.runs.back().first), "line 1000000");
}

// --- ddrescue

constexpr std::string_view mapfile = R"(# Mapfile. Created by GNU ddrescue version 1.27
# Command line: ddrescue -d -c18 /dev/fd0 fdimage mapfile
# current_pos  current_status  current_pass
0x00120000     ?               1
#      pos        size  status
0x00000000  0x00117000  +
0x00117000  0x00000200  -
0x00117200  0x00001000  /
0x00118200  0x00007E00  *	# a comment
0x00120000  0x00048000  ?
)";

TEST(ReadDdrescue, WhatDidNotCome)
{
	const BlockList list = read_ddrescue(mapfile, Mapped::failed);

	EXPECT_EQ(runs_of(list), "1142784+512 1143296+4096 1147392+32256");
	EXPECT_EQ(list.unit, 1u);
	EXPECT_EQ(list.place(list.runs[1], list.runs[1].first + 5), "line 8");
	EXPECT_EQ(runs_of(read_ddrescue(mapfile, Mapped::bad_sectors)), "1142784+512");
}

TEST(ReadDdrescue, OtherNumbersAndOlderFiles)
{
	EXPECT_EQ(runs_of(read_ddrescue("0 +\n0 512 -\n512 01000 /\n", Mapped::failed)), "0+512 512+512");
	EXPECT_EQ(runs_of(read_ddrescue("0 F 2\n", Mapped::failed)), "");
	// It may begin anywhere, and go as far as there are numbers.
	EXPECT_EQ(runs_of(read_ddrescue("0 + 1\n4096 9223372036854771711 -\n", Mapped::failed)), "4096+9223372036854771711");
}

TEST(ReadDdrescue, WhatItWouldNotTakeIsRefused)
{
	const std::string head = "0 ? 1\n";

	EXPECT_EQ(bad_ddrescue(""), "at its end: there is no status line: this is no mapfile of ddrescue, or it was cut off");
	EXPECT_EQ(bad_ddrescue("# only\n"), "at its end: there is no status line: this is no mapfile of ddrescue, or it was cut off");
	EXPECT_EQ(bad_ddrescue("123\n"), "line 1: '123' is not the status line of a mapfile, which has a position, one of ?*/-FG+, and a pass");
	for (const char *status : {"0 ? 0\n", "0 ? -1\n", "0 x 1\n", "-1 ? 1\n", "0 ? 1 1\n", "0x0 0x100 -\n"})
		EXPECT_TRUE(bad_ddrescue(status).starts_with("line 1: ")) << status;
	EXPECT_EQ(bad_ddrescue(head + "0 512 -\n1024 512 +\n"),
		  "line 3: the block begins at 1024, and the one before it ends at 512: ddrescue leaves no gap, so this file was cut or changed");
	EXPECT_TRUE(bad_ddrescue(head + "0 1024 -\n512 512 +\n").starts_with("line 3: the block begins at 512, "));
	EXPECT_EQ(bad_ddrescue(head + "0 512\n"), "line 2: '0 512' is no block of a mapfile, which has a position and a size in bytes, and one of ?*/-+");
	for (const char *block : {"0 0 -", "0 -1 -", "-1 1 -", "0 1 F", "0 1 --", "0 1 - x", "1 9223372036854775807 +", "9223372036854775808 1 +", "0 1 ", "0x 1 -", "\xff 1 -"})
		EXPECT_TRUE(bad_ddrescue(head + block).starts_with("line 2: ")) << block;
}

// --- smartctl

constexpr std::string_view smart_text = R"(smartctl 7.3 2022-02-28 r5338 [x86_64-linux] (local build)
=== START OF INFORMATION SECTION ===
Sector Sizes:     512 bytes logical, 4096 bytes physical

SMART Extended Comprehensive Error Log Version: 1 (1 sectors)
Device Error Count: 3
	LBA_48 = Upper bytes of LBA High/Mid/Low Registers ]  ATA-8
Error 3 [2] occurred at disk power-on lifetime: 1234 hours (51 days + 10 hours)
  ER -- ST COUNT  LBA_48  LH LM LL DV DC
  40 -- 51 00 08 00 00 00 74 cb b1 40 00  Error: UNC 8 sectors at LBA = 0x0074cbb1 = 7654321

Error 2 [1] occurred at disk power-on lifetime: 1233 hours (51 days + 9 hours)
  84 -- 51 00 08 00 00 00 00 00 05 40 00  Error: ICRC, ABRT 8 sectors at LBA = 0x00000005 = 5

Error 1 [0] occurred at disk power-on lifetime: 1232 hours (51 days + 8 hours)
  10 -- 51 00 08 00 00 00 00 00 06 40 00  Error: IDNF at LBA = 0x00000006 = 6

SMART Error Log Version: 1
  40 51 08 b1 cb 74 e0  Error: UNC 8 sectors at LBA = 0x0074cbb1 = 7654321

SMART Extended Self-test Log Version: 1 (1 sectors)
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Extended offline    Completed: read failure       90%      1234         1234567
#10  Short offline       Completed without error       00%      1230         -

SMART Self-test log structure revision number 1
Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error
# 1  Extended offline    Completed: read failure       90%      1234         0x0012d687

SMART Selective self-test log data structure revision number 0
 SPAN  MIN_LBA  MAX_LBA  CURRENT_TEST_STATUS
    1        0        0  Not_testing

Pending Defects log (GP Log 0x0c)
Index                LBA    Hours
    0                999     1234
    1               1000        -

    7                 77       77
)";

TEST(ReadSmart, TextOfAta)
{
	const BlockList list = read_smart(smart_text);

	EXPECT_EQ(runs_of(list), "7654321+1 6+1 7654321+1 1234567+1 1234567+1 999+1 1000+1");
	EXPECT_EQ(list.unit, 512u);
	EXPECT_EQ(list.place(list.runs[0], 7654321), "line 10");
	std::vector<int> bits;

	for (const ListedRun &run : list.runs)
		bits.push_back(run.bits);
	EXPECT_EQ(bits, (std::vector<int>{48, 48, 28, 48, 32, 64, 64}));
}

TEST(ReadSmart, TextOfScsiAndNvme)
{
	EXPECT_EQ(runs_of(read_smart(R"(SMART Self-test log
Num  Test              Status                 segment  LifeTime  LBA_first_err [SK ASC ASQ]
     Description                              number   (hours)
# 1  Background long   Failed in segment -->       6   47877         764900874 [0x3 0x5d 0x1]
# 2  Background short  Completed                  64      69                 - [-   -    -]
)")),
		  "764900874+1");
	const BlockList nvme = read_smart(R"(Namespace 1 Formatted LBA Size:     4096

Error Information (NVMe Log 0x01, 16 of 64 entries)
Num   ErrCount  SQId   CmdId  Status  PELoc          LBA  NSID    VS  Message
  0       2276     0  0x6008  0x4005  0x028            0     0     -  Invalid Field in Command
  1       2275     3  0x6008  0x0503  0x000     12345678     2     -  Unrecovered Read Error
  2       2274     3  0x6008  0x0501  0x000          444     1     -  Write Fault
  3       2273     3  0x6008  0x0507  0x000          445     1     -  Reference Tag

Self-test Log (NVMe Log 0x06)
Self-test status: No self-test in progress
Num  Test_Description  Status                       Power_on_Hours  Failing_LBA  NSID Seg SCT Code
 0   Extended          Completed: failed segments              736          555     1   2   -    -
 1   Short             Completed without error                 720            -     -   -   -    -
)");

	EXPECT_EQ(runs_of(nvme), "12345678+1 444+1 555+1");
	EXPECT_EQ(nvme.unit, 4096u);
	EXPECT_EQ(nvme.runs[0].name_space, 2u);
	EXPECT_EQ(nvme.runs[2].name_space, 1u);
}

TEST(ReadSmart, AnEmptyLogIsOne)
{
	EXPECT_EQ(runs_of(read_smart("SMART Self-test log structure revision number 1\nNo self-tests have been logged.  [To run self-tests, use: smartctl -t]\n")), "");
	EXPECT_EQ(runs_of(read_smart("SMART Error Log Version: 1\nNo Errors Logged\n")), "");
	EXPECT_EQ(runs_of(read_smart(R"({"ata_smart_self_test_log": {"standard": {"revision": 1, "count": 0}}})")), "");
}

TEST(ReadSmart, TextThatIsNotUnderstoodIsRefused)
{
	const std::string self_test = "SMART Self-test log structure revision number 1\n";

	EXPECT_TRUE(bad_smart("").starts_with("at its end: there is no log of a drive's errors in it: "));
	EXPECT_TRUE(bad_smart("1\n2\n").starts_with("at its end: "));
	EXPECT_EQ(bad_smart(self_test + "# 1  Extended offline    Completed: read failure       90%     12000         never\n"), "line 2: 'never' is no LBA of a drive's log");
	EXPECT_EQ(bad_smart(self_test + "# 1  Extended offline    Completed: read failure       90%     12000         -5\n"), "line 2: '-5' is no LBA of a drive's log");
	EXPECT_EQ(bad_smart(self_test + "# 1 99999999999999999999\n"), "line 2: '99999999999999999999' is no LBA of a drive's log");
	EXPECT_EQ(bad_smart("SMART Self-test log\n# 1  Background long   Failed\n"), "line 2: '# 1  Background long   Failed' is no row of a self-test log");
	EXPECT_TRUE(bad_smart("SMART Error Log Version: 1\n  Error: UNC at LBA = \n").starts_with("line 2: "));
	EXPECT_EQ(bad_smart("Sector Size:      lots\n"), "line 1: 'Sector Size:      lots' does not say how large a block is");
	EXPECT_EQ(bad_smart("Sector Size:      0 bytes logical/physical\n"), "line 1: logical blocks of 0 bytes: no disk has such");
	EXPECT_EQ(bad_smart("Sector Size:      512 bytes logical/physical\nSector Size:      4096 bytes logical/physical\n"),
		  "line 2: logical blocks of 4096 bytes, and of 512 before: this is the output about two drives");
}

constexpr std::string_view smart_json = R"({
  "json_format_version": [1, 0],
  "logical_block_size": 512,
  "ata_smart_error_log": {
    "extended": {"revision": 1, "table": [
      {"error_number": 2, "completion_registers": {"error": 64, "lba": 7654321}, "error_description": "Error: UNC 8 sectors at LBA = 0x0074cbb1 = 7654321"},
      {"error_number": 1, "completion_registers": {"error": 132, "lba": 5}, "error_description": "Error: ICRC, ABRT 8 sectors at LBA = 0x00000005 = 5"}]},
    "summary": {"revision": 1, "table": [
      {"error_number": 1, "completion_registers": {"error": 64, "lba": 7654321}, "error_description": "Error: UNC 8 sectors at LBA = 0x0074cbb1 = 7654321"}]}},
  "ata_smart_self_test_log": {
    "standard": {"table": [{"status": {"passed": false}, "lba": 1234567}, {"status": {"passed": true}}]},
    "extended": {"table": [{"status": {"passed": false}, "lba": 1234568}]}},
  "ata_pending_defects_log": {"size": 31, "count": 1, "table": [{"lba": 999, "power_on_hours": 1234}]},
  "nvme_self_test_log": {"table": [{"lba": 555, "nsid": 1}, {"lba": {"value": 556}, "nsid": 4294967295}]},
  "nvme_error_information_log": {"table": [
    {"lba": {"value": 444}, "nsid": 2, "status_field": {"status_code_type": 2, "status_code": 129}},
    {"lba": {"value": 445}, "nsid": 2, "status_field": {"status_code_type": 0, "status_code": 2}}]},
  "scsi_self_test_0": {"code": {"value": 2}, "lba_first_failure": {"value": 764900874}},
  "scsi_self_test_1": {"code": {"value": 2}}
})";

TEST(ReadSmart, Json)
{
	const BlockList list = read_smart(smart_json);

	EXPECT_EQ(runs_of(list), "1234567+1 1234568+1 7654321+1 7654321+1 999+1 555+1 556+1 444+1 764900874+1");
	EXPECT_EQ(list.unit, 512u);
	EXPECT_EQ(list.place(list.runs[2], 7654321), "$.ata_smart_error_log.summary.table[0].completion_registers");
	EXPECT_EQ(list.place(list.runs[8], 0), "$.scsi_self_test_0");
	EXPECT_EQ(list.runs[2].bits, 28);
	EXPECT_EQ(list.runs[5].name_space, 1u);
	EXPECT_EQ(list.runs[6].name_space, 0u);
	EXPECT_EQ(list.runs[7].name_space, 2u);
}

TEST(ReadSmart, JsonThatIsNotUnderstoodIsRefused)
{
	EXPECT_EQ(bad_smart("{\n\n\"a\": }"), "line 3: this is no JSON, or was cut off");
	EXPECT_EQ(bad_smart("  {"), "line 1: this is no JSON, or was cut off");
	EXPECT_TRUE(bad_smart("{\"a\": \"\xff\"}").starts_with("line 1: "));
	EXPECT_TRUE(bad_smart(R"({"device": {}})").starts_with("$: there is no log of a drive's errors in it"));
	EXPECT_EQ(bad_smart(R"({"ata_pending_defects_log": {"table": [{"lba": -1}]}})"), "$.ata_pending_defects_log.table[0].lba: '-1' is no number from 0 to 9223372036854775806");
	for (const char *lba : {"1.5", "\"1\"", "null", "[]", "{}", "9223372036854775807", "1e3", "18446744073709551616"})
		EXPECT_TRUE(bad_smart(std::string(R"({"ata_pending_defects_log": {"table": [{"lba": )") + lba + "}]}}").starts_with("$.ata_pending_defects_log.table[0].lba: ")) << lba;
	EXPECT_EQ(bad_smart(R"({"ata_pending_defects_log": {"table": 5}})"), "$.ata_pending_defects_log.table: this is no list");
	EXPECT_EQ(bad_smart(R"({"logical_block_size": 0})"), "$.logical_block_size: logical blocks of 0 bytes: no disk has such");
	EXPECT_EQ(bad_smart("{" + std::string(4 << 20, ' ') + "}"), "$: a document of more than 4 MiB: smartctl writes none");
	for (const char *number : {"1e309", "-1e309", "[1e999]"})
		EXPECT_EQ(bad_smart(std::string("{\"a\": ") + number + "}"), "$: a number in it is larger than any that smartctl writes");
	// Deep, and not a stack's depth.
	EXPECT_EQ(bad_smart("{\"a\":" + std::string(1'000'000, '[')), "line 1: this is no JSON, or was cut off");
}

} // namespace

} // namespace dm_remap::tool
