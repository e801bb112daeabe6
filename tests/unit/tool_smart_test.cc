// SPDX-License-Identifier: GPL-2.0
// What drives say of themselves by smartctl, and what that means for a set.
#include "exit_status.hh"
#include "smart/drive.hh"

#include <gtest/gtest.h>

namespace dm_remap::tool {
namespace {

// more: members of the document, with a comma before each.
std::string document(const std::string &protocol, const std::string &more)
{
	return R"({"json_format_version":[1,0],"smartctl":{"version":[7,3],"exit_status":0},"device":{"name":"/dev/sda","protocol":")" + protocol + "\"}" + more + "}";
}

std::string attribute(const std::string &id, const std::string &name, const std::string &printed, const std::string &when_failed = "")
{
	return R"({"id":)" + id + R"(,"name":")" + name + R"(","when_failed":")" + when_failed + R"(","raw":{"value":522125343,"string":")" + printed + "\"}}";
}

DriveHealth ata(const std::string &attributes, const std::string &more = "")
{
	return read_drive_health(document("ATA", R"(,"ata_smart_attributes":{"table":[)" + attributes + "]}" + more));
}

using Ids = std::vector<std::string>;

Ids ids(const std::optional<DriveHealth> &health, const DriveRole &role = {.name = "x", .path = "/dev/sda1", .disk = "/dev/sda"})
{
	Ids out;

	for (const Finding &finding : judge_drive(health, role))
		out.push_back(finding.id);
	return out;
}

TEST(DriveHealth, OfAttributesTheNumberThatIsPrinted)
{
	const DriveHealth h = ata(attribute("5", "Reallocated_Sector_Ct", "12 (0 3)") + "," + attribute("197", "Current_Pending_Sector", "8") + "," +
				  attribute("187", "Reported_Uncorrect", "2") + "," + attribute("198", "Offline_Uncorrectable", "7"),
				  R"(,"temperature":{"current":31},"power_on_time":{"hours":99},"smart_status":{"passed":true},"model_name":"M","serial_number":"S")");

	EXPECT_EQ(h.reallocated, 12u);
	EXPECT_EQ(h.pending, 8u);
	EXPECT_EQ(h.uncorrectable, 2u);
	EXPECT_EQ(h.temperature, 31u);
	EXPECT_EQ(h.hours, 99u);
	EXPECT_EQ(h.passed, true);
	EXPECT_EQ(h.model + h.serial + h.protocol, "MSATA");
}

// The numbers of attributes are each maker's own.
TEST(DriveHealth, AnAttributeOfAnotherNameIsAnotherOne)
{
	const DriveHealth h = ata(attribute("5", "Retired_Block_Count", "12") + "," + attribute("197", "Current_Pending_ECC_Cnt", "1") + "," +
				  attribute("187", "Something", "3"));

	EXPECT_FALSE(h.reallocated || h.pending || h.uncorrectable);
}

TEST(DriveHealth, TheStandardsStatisticsComeFirst)
{
	const std::string statistics =
		R"(,"ata_device_statistics":{"pages":[{"number":3,"table":[)"
		R"({"name":"Number of Reallocated Logical Sectors","value":4,"flags":{"valid":true}},)"
		R"({"name":"Number of Realloc. Candidate Logical Sectors","value":5,"flags":{"valid":false}}]}]})";
	const DriveHealth h = ata(attribute("5", "Reallocated_Sector_Ct", "12") + "," + attribute("197", "Current_Pending_Sector", "8"), statistics);

	EXPECT_EQ(h.reallocated, 4u);
	EXPECT_EQ(h.pending, 8u) << "the drive says that its statistic is not valid";
}

TEST(DriveHealth, SelfTestsAndRecovery)
{
	const DriveHealth h = ata("", R"(,"ata_smart_self_test_log":{"extended":{"count":3,"error_count_total":2},"standard":{"error_count_total":1}},)"
				      R"("ata_sct_erc":{"read":{"enabled":true,"deciseconds":70},"write":{"enabled":true,"deciseconds":80}})");

	EXPECT_EQ(h.failed_self_tests, 2u) << "one log has all of the other";
	EXPECT_EQ(h.recovery_deciseconds, 80u);
	EXPECT_FALSE(ata("", R"(,"ata_sct_erc":{"read":{"enabled":true,"deciseconds":70},"write":{"enabled":false}})").recovery_deciseconds);
}

TEST(DriveHealth, OfScsi)
{
	const DriveHealth h = read_drive_health(document("SCSI", R"(,"temperature":{"current":0},"scsi_grown_defect_list":9,"scsi_model_name":"M",)"
								 R"("scsi_error_counter_log":{"read":{"total_uncorrected_errors":1},"verify":{"total_uncorrected_errors":2}},)"
								 R"("scsi_self_test_0":{"result":{"value":7}},"scsi_self_test_1":{"result":{"value":0}})"));

	EXPECT_FALSE(h.passed) << "it does not say";
	EXPECT_FALSE(h.temperature) << "it has no thermometer";
	EXPECT_EQ(h.reallocated, 9u);
	EXPECT_EQ(h.uncorrectable, 3u);
	EXPECT_EQ(h.failed_self_tests, 1u);
	EXPECT_EQ(h.model, "M");
}

std::string nvme_log(const std::string &warning, const std::string &spare, const std::string &threshold, const std::string &used)
{
	return document("NVMe", R"(,"smart_status":{"passed":true},"nvme_smart_health_information_log":{"critical_warning":)" + warning +
				R"(,"available_spare":)" + spare + R"(,"available_spare_threshold":)" + threshold + R"(,"percentage_used":)" + used +
				R"(,"media_errors":4})");
}

TEST(DriveHealth, OfNvme)
{
	const DriveHealth h = read_drive_health(nvme_log("9", "50", "10", "3"));

	EXPECT_EQ(h.failing, (Ids{"its spare blocks are used up", "it has turned read-only"}));
	EXPECT_EQ(h.uncorrectable, 4u);
	EXPECT_FALSE(h.worn());
	EXPECT_TRUE(read_drive_health(nvme_log("0", "10", "10", "3")).worn());
	EXPECT_TRUE(read_drive_health(nvme_log("0", "50", "10", "100")).worn());
	EXPECT_FALSE(read_drive_health(nvme_log("0", "0", "0", "0")).worn()) << "it has no threshold";
}

TEST(DriveHealth, AllFiguresAreInWords)
{
	EXPECT_EQ(figures_text(read_drive_health(nvme_log("0", "50", "10", "3"))),
		  "says that it is well, 4 uncorrectable errors, 3 % worn, 50 % of its own spare blocks left");
	EXPECT_EQ(figures_text(read_drive_health(nvme_log("0", "0", "0", "3"))), "says that it is well, 4 uncorrectable errors, 3 % worn") << "it has no threshold";
}

TEST(DriveHealth, WhatSmartctlHasNotWrittenIsRefused)
{
	for (const char *text : {"", "{", "[]", "{\"device\":{}}", "smartctl 7.3"})
		EXPECT_THROW(read_drive_health(text), Failure) << text;
	// Nor is what is of another kind than it should be believed.
	const DriveHealth h = read_drive_health(document("ATA", R"(,"smart_status":{"passed":"yes"},"temperature":31,"ata_smart_attributes":{"table":{}},"power_on_time":{"hours":-1})"));

	EXPECT_FALSE(h.passed || h.temperature || h.hours);
}

TEST(JudgeDrive, WhatTheDriveSaysComesFirst)
{
	DriveHealth h = ata(attribute("5", "Reallocated_Sector_Ct", "12", "now"), R"(,"smart_status":{"passed":false})");

	ASSERT_EQ(ids(h), (Ids{"smart-failing", "smart-reallocated"}));
	const Finding failing = judge_drive(h, {.name = "x", .path = "/dev/sda1", .disk = "/dev/sda"}).front();

	EXPECT_EQ(failing.urgency, Urgency::critical);
	EXPECT_EQ(failing.text, "the drive of /dev/sda1 says that it is failing (Reallocated_Sector_Ct)");
	EXPECT_TRUE(failing.action.starts_with("copy what matters to another disk now; ")) << "data first";
	h.passed = true;
	EXPECT_EQ(ids(h), (Ids{"smart-warning", "smart-reallocated"}));
	h.failing.clear();
	EXPECT_EQ(ids(h), Ids{"smart-reallocated"});
}

TEST(JudgeDrive, SilenceIsNoGoodSignAndNoBadOne)
{
	for (const std::optional<DriveHealth> &health : {std::optional<DriveHealth>(), std::optional(read_drive_health(document("SCSI", "")))}) {
		ASSERT_EQ(ids(health), Ids{"smart-silent"});
		EXPECT_EQ(judge_drive(health, {}).front().urgency, Urgency::note);
	}
}

TEST(JudgeDrive, ADriveThatCallsItselfHealthyIsNotBelievedAgainstWhatWasSeen)
{
	const DriveHealth well = ata("", R"(,"smart_status":{"passed":true})");

	EXPECT_EQ(ids(well), Ids{});
	EXPECT_EQ(ids(well, {.own_figure = 8}), Ids{"smart-too-kind"});
	EXPECT_EQ(ids(well, {.spare = 1, .own_figure = 8}), Ids{}) << "they are main's";
}

TEST(JudgeDrive, WhatToDoDependsOnWhatItIs)
{
	const DriveHealth h = ata(attribute("197", "Current_Pending_Sector", "8"), R"(,"smart_status":{"passed":true},"ata_smart_self_test_log":{"standard":{"error_count_total":1}})");

	EXPECT_EQ(ids(h), (Ids{"smart-pending", "smart-self-test"}));
	EXPECT_EQ(ids(h, {.logged = 8}), (Ids{"smart-logged", "smart-pending"})) << "the self-test names where";
	EXPECT_NE(judge_drive(h, {.name = "x"}).front().action.find("'dmremap scrub x --wait'"), std::string::npos);
	EXPECT_NE(judge_drive(h, {.name = "x", .spare = 2}).front().action.find("'dmremap remove-spare x 2'"), std::string::npos);
	EXPECT_NE(judge_drive(h, {.name = "x", .disk = "/dev/sda", .logged = 8}).front().action.find("'smartctl -x /dev/sda | dmremap import x smart -'"), std::string::npos);
	EXPECT_EQ(ids(read_drive_health(nvme_log("0", "5", "10", "3"))), Ids{"smart-worn"});
}

} // namespace
} // namespace dm_remap::tool
