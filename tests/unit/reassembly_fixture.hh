// SPDX-License-Identifier: GPL-2.0
// A table of some spares, and what assemble() and admit() say of it.
#ifndef DM_REMAP_TESTS_REASSEMBLY_FIXTURE_HH
#define DM_REMAP_TESTS_REASSEMBLY_FIXTURE_HH

#include <dm_remap/lineage.hh>
#include <dm_remap/reassembly.h>

#include "host/advice.hh"
#include "host/disk.hh"
#include "host/world.hh"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

extern "C" const dmr_reassembly_ops dmr_reassembly_operations;

using dm_remap::host::SimDisk;
using dm_remap::host::World;

// Of the spare in this place of the table.
inline std::string name_of(uint32_t spare)
{
	return "8:" + std::to_string(16 * (spare + 1));
}

// Spares over a main of 204800 sectors; each is blank until a test says otherwise.
class ReassemblyTest : public testing::Test {
protected:
	struct Spare {
		Spare(World &world, const char *name)
			: disk(world, {.name = name, .identity = std::string("wwid-") + name, .sectors = 65536}),
			  range{&disk, 2048, 32768}, probe(std::make_unique<dmr_probe>())
		{
		}
		SimDisk disk;
		dmr_member_range range;
		std::unique_ptr<dmr_probe> probe;
		dmr_device_info info = {};
	};

	ReassemblyTest() : out_(std::make_unique<dmr_assembly>()), setup_(&out_->setup)
	{
		main_.sectors = 204800;
		main_.block_bytes = 512;
		std::strcpy(main_.identity, "naa.5000c500a1b2c3d4");
	}

	Spare &add(const char *name)
	{
		Spare &spare = spares_.emplace_back(world_, name);

		spare.probe->verdict = DMR_PROBE_BLANK;
		dmr_device_describe(&spare.disk, &spare.info);
		return spare;
	}
	// "-" in the table.
	void add_missing() { add("-").range = {nullptr, 0, 0}; }
	// A member of a set of `count`, whose numbers are easy to recognise.
	Spare &add_member(const char *name, uint32_t index = 0, uint32_t count = 1)
	{
		Spare &spare = add(name);
		dmr_setup &setup = spare.probe->setup;

		spare.probe->verdict = DMR_PROBE_MEMBER;
		std::memset(setup.set_uuid, 0x5e, DMR_UUID_SIZE);
		std::memset(setup.branch, 0xb0, DMR_UUID_SIZE);
		setup.generation = 10;
		setup.main = main_;
		std::strcpy(setup.name, "data");
		setup.max_extents = 65536;
		setup.member_count = count;
		setup.own_index = index;
		for (uint32_t i = 0; i < count; i++) {
			std::memset(setup.members[i].uuid, 0x10 + static_cast<int>(i), DMR_UUID_SIZE);
			setup.members[i].sectors = 32768;
			setup.members[i].data_start = 8192;
			setup.members[i].state = DMR_MEMBER_ACTIVE;
			std::snprintf(setup.members[i].identity, DMR_IDENTITY_SIZE, "wwid-%u", i);
		}
		return spare;
	}
	dmr_setup &setup_of(size_t spare) { return spares_[spare].probe->setup; }
	// The set went on in another branch, as this spare has recorded.
	void start_branch(size_t spare, uint8_t id)
	{
		uint8_t branch[DMR_UUID_SIZE];

		std::memset(branch, id, DMR_UUID_SIZE);
		dm_remap::start_branch(setup_of(spare), branch);
		setup_of(spare).generation++;
	}
	void set_state(size_t spare, uint32_t index, dmr_member_state state)
	{
		setup_of(spare).members[index].state = state;
	}

	// Of all spares that were added.
	dmr_assembly_request request()
	{
		dmr_assembly_request request = {};

		for (const Spare &spare : spares_)
			members_[request.member_count++] = {&spare.range, spare.probe.get(), spare.info};
		request.main = &main_;
		request.main_place = place_.c_str();
		request.name = "data";
		request.members = members_;
		request.max_extents = max_extents_;
		request.format = format_;
		request.new_main = new_main_;
		request.degraded = degraded_;
		request.force = force_;
		request.read_only = read_only_;
		return request;
	}
	int assemble()
	{
		const dmr_assembly_request asked = request();

		std::memset(reason_, '#', sizeof(reason_));
		std::memset(out_.get(), 0xee, sizeof(*out_));
		return dmr_reassembly_operations.assemble(&asked, &verdict_, out_.get(), reason_);
	}
	int admit()
	{
		const dmr_assembly_request asked = request();

		std::memset(reason_, '#', sizeof(reason_));
		return dmr_reassembly_operations.admit(&asked, reason_);
	}
	void expect_refused(const std::string &reason)
	{
		ASSERT_EQ(assemble(), -EINVAL);
		EXPECT_EQ(std::string(reason_), reason);
		EXPECT_LT(std::strlen(reason_), size_t(DMR_REASON_SIZE));
		EXPECT_TRUE(dm_remap::host::keeps_before_it_loses(reason_)) << reason_;
	}
	void expect_not_admitted(const std::string &reason)
	{
		ASSERT_EQ(admit(), -EINVAL);
		EXPECT_EQ(std::string(reason_), reason);
		EXPECT_TRUE(dm_remap::host::keeps_before_it_loses(reason_)) << reason_;
	}
	void expect_admitted()
	{
		ASSERT_EQ(admit(), 0) << reason_;
		EXPECT_STREQ(reason_, "");
	}
	void expect_slots(const std::vector<unsigned int> &slots)
	{
		for (size_t i = 0; i < slots.size(); i++)
			EXPECT_EQ(out_->slot[i], slots[i]) << "spare " << i;
	}
	void expect_verdict(dmr_assembly_verdict verdict)
	{
		ASSERT_EQ(assemble(), 0) << reason_;
		EXPECT_EQ(verdict_, verdict);
		EXPECT_STREQ(reason_, "");
	}
	uint64_t reads()
	{
		uint64_t n = 0;

		for (const Spare &spare : spares_)
			n += spare.disk.counts().reads;
		return n;
	}
	void TearDown() override
	{
		for (const Spare &spare : spares_)
			EXPECT_EQ(spare.disk.counts().writes, 0u) << "reassembly wrote";
		EXPECT_EQ(world_.memory().live(), 0u) << world_.memory().describe_live();
	}

	World world_;
	std::deque<Spare> spares_;
	dmr_assembly_member members_[DMR_MAX_MEMBERS + 2] = {};
	dmr_main_identity main_ = {};
	std::string place_;
	uint64_t max_extents_ = 0;
	bool format_ = false, new_main_ = false, degraded_ = false, force_ = false, read_only_ = false;
	std::unique_ptr<dmr_assembly> out_;
	dmr_setup *setup_;
	dmr_assembly_verdict verdict_ = {};
	char reason_[DMR_REASON_SIZE];
};

#endif
