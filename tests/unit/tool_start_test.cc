// SPDX-License-Identifier: GPL-2.0
// With which table line a set is started, and when it is not. And what is seen of a set.
#include "start_plan.hh"

#include <dm_remap/engine.h>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

namespace dm_remap::tool {

namespace {

constexpr uint64_t main_sectors = 204800;

class Start : public testing::Test {
protected:
	Start()
	{
		dmr_setup setup = {};

		std::memset(setup.set_uuid, 0xaa, DMR_UUID_SIZE);
		std::memset(setup.branch, 0xbb, DMR_UUID_SIZE);
		std::strcpy(setup.name, "safe");
		std::strcpy(setup.main.identity, "wwid:main");
		setup.generation = 5;
		setup.main.sectors = main_sectors;
		setup.main.block_bytes = 512;
		setup.member_count = 2;
		setup.read_retries = DMR_READ_RETRIES_DEFAULT;
		for (uint32_t i = 0; i < setup.member_count; i++) {
			setup.members[i].state = DMR_MEMBER_ACTIVE;
			setup.members[i].sectors = 1000 + i;
			std::memset(setup.members[i].uuid, static_cast<int>(i + 1), DMR_UUID_SIZE);
		}
		main_ = {"/dev/main", setup.main};
		for (uint32_t i = 0; i < setup.member_count; i++) {
			setup.own_index = i;
			see(fmt::format("/dev/spare{}", i), 8 * i, setup);
		}
	}

	void see(const std::string &path, uint64_t start, const dmr_setup &setup)
	{
		Member member;

		member.name = {path, path, start, {}};
		member.range = {nullptr, start, setup.members[setup.own_index].sectors};
		member.probe.verdict = DMR_PROBE_MEMBER;
		member.probe.setup = setup;
		set_.members.push_back(std::move(member));
	}
	dmr_setup &setup(size_t i) { return set_.members[i].probe.setup; }
	std::string table() { return plan_start(set_, main_, wishes_).segment.text; }
	void expect_refused(ExitStatus status, const std::string &id, const std::string &text)
	{
		try {
			ADD_FAILURE() << "started with " << table();
		} catch (const Failure &failure) {
			EXPECT_EQ(failure.status(), status) << failure.what();
			EXPECT_EQ(failure.id(), id);
			EXPECT_NE(std::string_view(failure.what()).find(text), std::string_view::npos) << failure.what();
		}
	}

	SeenSet set_;
	MainNow main_;
	StartWishes wishes_;
};

TEST_F(Start, AllIsThere)
{
	const StartPlan plan = plan_start(set_, main_, wishes_);

	EXPECT_EQ(plan.segment.start, 0u);
	EXPECT_EQ(plan.segment.sectors, main_sectors);
	EXPECT_EQ(plan.segment.target, "remap");
	EXPECT_EQ(plan.segment.text, "/dev/main /dev/spare0 0 1000 4 spare /dev/spare1 8 1001");
	EXPECT_TRUE(plan.left_out.empty());
}

TEST_F(Start, WhatWasRecordedGoesOn)
{
	setup(0).read_retries = setup(1).read_retries = 7;
	std::strcpy(main_.identity.id, "udev's");
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000 8 spare /dev/spare1 8 1001 main_id udev's read_retries 7");
	wishes_.read_retries = 0;
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000 8 spare /dev/spare1 8 1001 main_id udev's read_retries 0");
}

TEST_F(Start, NamesWithBlanks)
{
	set_.members[1].name.path = "/dev/a b";
	main_.path = "/dev/c\\d";
	EXPECT_EQ(table(), "/dev/c\\\\d /dev/spare0 0 1000 4 spare /dev/a\\ b 8 1001");
}

TEST_F(Start, TheNewestSaysWhoBelongsToIt)
{
	// The other one was away when it was dropped.
	setup(0).generation = 6;
	setup(0).members[1].state = DMR_MEMBER_DROPPED;
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000 4 spare /dev/spare1 8 1001");
	EXPECT_EQ(set_.state_of(set_.members[1]), "dropped");
	setup(0).members[1].state = DMR_MEMBER_ABSENT;
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000");
	EXPECT_EQ(set_.state_of(set_.members[1]), "removed");
	EXPECT_EQ(set_.expected(), 1u);
	EXPECT_EQ(set_.seen(), 1u);
}

TEST_F(Start, OneThatIsMissing)
{
	set_.members.erase(set_.members.begin());
	expect_refused(ExitStatus::would_lose, "missing", "add --degraded and --force");
	wishes_.degraded = true;
	expect_refused(ExitStatus::would_lose, "missing", "spare 0 (UUID 01010101-0101-0101-0101-010101010101, 1000 sectors) is not there");
	wishes_.force = true;
	EXPECT_EQ(table(), "/dev/main /dev/spare1 8 1001 2 degraded force");
	EXPECT_EQ(plan_start(set_, main_, wishes_).left_out, std::vector<uint32_t>{0});
}

TEST_F(Start, OneThatIsKnownToBeGone)
{
	set_.members.pop_back();
	setup(0).members[1].state = DMR_MEMBER_DROPPED;
	expect_refused(ExitStatus::would_lose, "missing", "add --degraded");
	wishes_.degraded = true;
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000 1 degraded");
}

// Wishes that are not needed change nothing.
TEST_F(Start, AllIsThereWhateverMayBeDoneWithout)
{
	wishes_.degraded = wishes_.force = true;
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000 4 spare /dev/spare1 8 1001");
}

TEST_F(Start, CopiesAndSeparateWays)
{
	see("/dev/copy", 0, setup(0));
	expect_refused(ExitStatus::failed, "not-one-set", "/dev/spare0 and /dev/copy carry the same spare's UUID");
	set_.members.pop_back();
	std::memset(setup(1).branch, 0xcc, DMR_UUID_SIZE);
	EXPECT_TRUE(set_.separate_ways());
	expect_refused(ExitStatus::failed, "not-one-set", "went separate ways");
}

TEST_F(Start, AnotherMain)
{
	std::strcpy(main_.identity.identity, "wwid:other");
	expect_refused(ExitStatus::failed, "wrong-main", "the set's main is wwid:main, this is wwid:other");
	wishes_.new_main = true;
	EXPECT_EQ(table(), "/dev/main /dev/spare0 0 1000 5 spare /dev/spare1 8 1001 new_main");
	main_.identity.block_bytes = 4096;
	expect_refused(ExitStatus::failed, "wrong-main", "its blocks are of 4096 bytes");
}

TEST_F(Start, MainHasAnotherSize)
{
	main_.identity.sectors = main_sectors + 1000;
	EXPECT_EQ(plan_start(set_, main_, wishes_).segment.sectors, main_sectors);
	wishes_.grow = true;
	EXPECT_EQ(plan_start(set_, main_, wishes_).segment.sectors, main_sectors + 1000);
	wishes_.grow = false;
	main_.identity.sectors = main_sectors - 1;
	expect_refused(ExitStatus::failed, "wrong-main", "hdparm -N");
	wishes_.new_main = true;
	EXPECT_EQ(plan_start(set_, main_, wishes_).segment.sectors, main_sectors - 1);
}

} // namespace

} // namespace dm_remap::tool
