// SPDX-License-Identifier: GPL-2.0
// A set on simulated spares, and what its map should say.
#ifndef DMR_TESTS_METADATA_FIXTURE_HH
#define DMR_TESTS_METADATA_FIXTURE_HH

#include <dm_remap/lineage.hh>
#include <dm_remap/metadata.h>

#include "host/host.hh"
#include "metadata/unit.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

extern "C" const dmr_metadata_ops dmr_metadata_operations;

namespace dm_remap::metadata_test {

using host::DiskContent;
using host::SimDisk;
using host::Unflushed;
using host::World;
using metadata::Copy;
using metadata::Layout;
using metadata::Slot;
using metadata::UnitNumber;

inline const dmr_metadata_ops &ops = dmr_metadata_operations;

// Of a set of one.
inline int lay_out(const dmr_member_range &range, uint32_t block_bytes, uint64_t max_extents, dmr_setup &out, char *reason)
{
	out = {};
	out.member_count = 1;
	out.main.block_bytes = block_bytes;
	return ops.lay_out(&range, max_extents, &out, reason);
}

// What a sequence of records means, block by block: kind, member, spare block, flags.
class Map final {
public:
	using Fact = std::tuple<uint8_t, uint8_t, uint64_t, uint16_t>;

	void apply(const dmr_record &r)
	{
		for (uint32_t i = 0; i < r.length; i++) {
			switch (r.kind) {
			case DMR_RECORD_MAP:
				main_[r.main_block + i] = {r.kind, r.member, r.spare_block + i, r.flags};
				break;
			case DMR_RECORD_PENDING:
			case DMR_RECORD_LOST:
				main_[r.main_block + i] = {r.kind, 0, 0, 0};
				break;
			case DMR_RECORD_CLEAR:
				main_.erase(r.main_block + i);
				break;
			case DMR_RECORD_BAD_SPARE:
				bad_[{r.member, r.spare_block + i}] = true;
				break;
			}
		}
	}
	// As records of length 1, for a checkpoint.
	std::vector<dmr_record> records() const
	{
		std::vector<dmr_record> all;

		for (const auto &[block, fact] : main_)
			all.push_back({block, std::get<2>(fact), 1, std::get<0>(fact), std::get<1>(fact), std::get<3>(fact)});
		for (const auto &[where, unused] : bad_)
			all.push_back({0, where.second, 1, DMR_RECORD_BAD_SPARE, where.first, 0});
		return all;
	}
	size_t size() const { return main_.size() + bad_.size(); }
	bool operator==(const Map &) const = default;

private:
	std::map<uint64_t, Fact> main_;
	std::map<std::pair<uint8_t, uint64_t>, bool> bad_;
};

// A checkpoint's source over a vector, handing out odd portions.
class Source final {
public:
	Source() = default;
	explicit Source(std::vector<dmr_record> records) : records_(std::move(records)) {}

	dmr_record_source table()
	{
		return {this, [](void *c) { static_cast<Source *>(c)->at_ = 0; }, next, records_.size()};
	}

private:
	static uint32_t next(void *context, dmr_record *out, uint32_t max)
	{
		Source &self = *static_cast<Source *>(context);
		uint32_t n = 0;

		while (n < max && n < 7 && self.at_ < self.records_.size())
			out[n++] = self.records_[self.at_++];
		return n;
	}

	std::vector<dmr_record> records_;
	size_t at_ = 0;
};

struct Options {
	uint64_t sectors = 2048;	// of the range
	uint64_t start = 64;
	uint32_t block_bytes = 512;
	uint32_t physical_bytes = 512;
	uint32_t logical_bytes = 512;
	uint32_t members = 1;
	uint32_t without_fua = 0;	// bit per disk
	uint32_t others = 0;		// disks of the same size that are not in the set, behind its own
	uint64_t max_extents = 0;
	uint64_t main_sectors = 1'000'000;
};

inline void fill_uuid(uint8_t (&uuid)[DMR_UUID_SIZE], int value)
{
	std::memset(uuid, value, DMR_UUID_SIZE);
}

// One boot's disks and handle. Disk i is, or will be, member i; ranges may be taken away (range(i).dev = nullptr). The
// handle is opened by format() or load().
class Set {
public:
	explicit Set(const Options &options = {}) : options_(options), setup_(std::make_unique<dmr_setup>())
	{
		for (uint32_t i = 0; i < options.members + options.others; i++) {
			disks_.push_back(std::make_unique<SimDisk>(
				world, host::DiskOptions{.name = "8:" + std::to_string(16 * (i + 1)),
							 .sectors = options.start + options.sectors + 64,
							 .logical_block_bytes = options.logical_bytes,
							 .physical_block_bytes = options.physical_bytes,
							 .fua = !(options.without_fua >> i & 1)}));
			ranges_.push_back({disks_[i].get(), options.start, options.sectors});
		}
		probes_.resize(disks_.size());
		fresh_setup(0x5e);
	}
	~Set() { close(); }

	// A setup as reassembly and core make it.
	void fresh_setup(int uuid)
	{
		*setup_ = {};
		fill_uuid(setup_->set_uuid, uuid);
		fill_uuid(setup_->branch, uuid + 1);
		setup_->created = 1'700'000'000;
		setup_->main.sectors = options_.main_sectors;
		setup_->main.block_bytes = options_.block_bytes;
		std::strcpy(setup_->main.identity, "naa.5000c500a1b2c3d4");
		std::strcpy(setup_->name, "data");
		setup_->member_count = options_.members;
		setup_->read_retries = 3;
		for (uint32_t i = 0; i < options_.members; i++) {
			fill_uuid(setup_->members[i].uuid, uuid + 16 + static_cast<int>(i));
			setup_->members[i].sectors = options_.sectors;
			setup_->members[i].state = DMR_MEMBER_ACTIVE;
			std::strcpy(setup_->members[i].identity, ("spare" + std::to_string(i)).c_str());
		}
		ASSERT_EQ(ops.lay_out(ranges_.data(), options_.max_extents, setup_.get(), reason), 0) << reason;
	}

	int open(bool read_only = false)
	{
		std::vector<dmr_member_range> named = ranges_;

		close();
		for (uint32_t i = 0; i < named.size(); i++)
			if (setup_->members[i].state == DMR_MEMBER_ABSENT || ignored_ >> i & 1)
				named[i].dev = nullptr;
		dmr_metadata_params params = {nullptr, named.data(), setup_->member_count, read_only, setup_.get()};
		return ops.open(&params, &md, reason);
	}
	void close()
	{
		if (md)
			ops.close(md);
		md = nullptr;
	}
	// What a power cut does to it: the memory is gone already.
	void forget() { md = nullptr; }

	void format()
	{
		ASSERT_EQ(open(), 0) << reason;
		ASSERT_EQ(ops.format(md, reason), 0) << reason;
		map = {};
	}
	// What reassembly makes of the superblocks. -ENODATA: there is no member; -ESTALE: they went separate ways. A disk
	// that the set does not know is as one that is not there. joining: disks that are to join.
	int assemble(uint32_t joining = 0)
	{
		const dmr_setup *newest = nullptr;

		ignored_ = 0;
		for (uint32_t i = 0; i < ranges_.size(); i++) {
			probes_[i] = {};
			if (!ranges_[i].dev || joining >> i & 1)
				continue;
			if (int rc = ops.probe(&ranges_[i], &probes_[i], reason))
				return rc;
			if (!active(i))
				continue;
			if (newest && diverged(*newest, probes_[i].setup))
				return -ESTALE;
			if (!newest || supersedes(probes_[i].setup, *newest))
				newest = &probes_[i].setup;
		}
		probe = probes_[0];
		if (!newest)
			return -ENODATA;
		for (uint32_t i = 0; i < ranges_.size(); i++)
			if (ranges_[i].dev && (probes_[i].verdict != DMR_PROBE_MEMBER ||
					       !same_uuid(newest->members[i].uuid, probes_[i].setup.members[i].uuid)))
				ignored_ |= 1u << i;
		*setup_ = *newest;
		for (uint32_t i = 0; i < ranges_.size(); i++) {
			if (!(joining >> i & 1))
				continue;
			setup_->members[i] = entry_of(i);
			setup_->members[i].state = DMR_MEMBER_JOINING;
			setup_->member_count = std::max(setup_->member_count, i + 1);
			ignored_ &= ~(1u << i);
		}
		return 0;
	}
	// Open by what the superblocks say. Fills loaded and report.
	int load(bool read_only = false, uint32_t joining = 0)
	{
		if (int rc = assemble(joining))
			return rc;
		if (int rc = open(read_only))
			return rc;
		return reload();
	}
	// And have done what the report asks for.
	void start(uint32_t joining = 0)
	{
		ASSERT_EQ(load(false, joining), 0) << reason;
		ASSERT_EQ(loaded, map);
		if (report.needs_checkpoint) {
			ASSERT_EQ(checkpoint(map), 0);
		}
	}
	// Of a disk that is to join.
	dmr_member_entry entry_of(uint32_t i) const
	{
		dmr_member_entry entry = {};

		fill_uuid(entry.uuid, 0xa0 + static_cast<int>(i));
		std::strcpy(entry.identity, ("spare" + std::to_string(i)).c_str());
		return entry;
	}
	int add(uint32_t disk)
	{
		dmr_member_entry entry = entry_of(disk);

		return ops.add_member(md, &ranges_[disk], &entry, &added, reason);
	}
	void take_away(uint32_t disk) { ranges_[disk].dev = nullptr; }
	void give_back(uint32_t disk) { ranges_[disk].dev = disks_[disk].get(); }
	const dmr_probe &probe_of(uint32_t disk) const { return probes_[disk]; }
	uint32_t state_of(uint32_t member) const { return ops.setup(md)->members[member].state; }
	int reload()
	{
		auto take = [](void *c, const dmr_record *r) {
			static_cast<Map *>(c)->apply(*r);
			return 0;
		};

		loaded = {};
		report = {};
		int rc = ops.load(md, take, &loaded, &report, reason);
		// A refusal is the same where nobody wants to know why.
		if (rc) {
			Map again;

			EXPECT_EQ(ops.load(md, take, &again, &report, nullptr), rc) << reason;
		}
		return rc;
	}
	int append(std::initializer_list<dmr_record> records)
	{
		int rc = ops.append(md, records.begin(), static_cast<uint32_t>(records.size()));

		if (!rc)
			for (const dmr_record &record : records)
				map.apply(record);
		return rc;
	}
	int checkpoint(const Map &state)
	{
		source_ = Source(state.records());
		dmr_record_source table = source_.table();

		return ops.checkpoint(md, &table);
	}
	// As core does it: checkpoint when the half is full.
	void commit(std::initializer_list<dmr_record> records)
	{
		if (ops.wants_checkpoint(md)) {
			ASSERT_EQ(checkpoint(map), 0);
		}
		ASSERT_EQ(append(records), 0);
	}
	// n commits of one new block each.
	void commits(uint32_t n)
	{
		for (uint32_t i = 0; i < n; i++)
			commit({next_record()});
	}
	// Every kind in turn, over a small part of main, so that the map stays small.
	dmr_record next_record()
	{
		uint64_t n = counter_++, first = data_blocks();

		switch (n % 8) {
		case 3:
			return {n % 200, 0, 2, DMR_RECORD_PENDING, 0, 0};
		case 5:
			return {(n - 5) % 200, 0, 1, DMR_RECORD_CLEAR, 0, 0};
		case 7:
			return {0, first + n % 50, 1, DMR_RECORD_BAD_SPARE, 0, 0};
		default:
			return {n % 200, first + 50 + n % 100, 1, DMR_RECORD_MAP, static_cast<uint8_t>(n % options_.members), 0};
		}
	}

	uint64_t data_blocks() const { return setup_->members[0].data_start / (options_.block_bytes / 512); }
	Layout layout() const { return {setup_->copy_units, setup_->checkpoint_units, setup_->log_half_units}; }
	dmr_setup &setup() { return *setup_; }
	SimDisk &disk(uint32_t i = 0) { return *disks_[i]; }
	const dmr_member_range &range(uint32_t i = 0) const { return ranges_[i]; }
	dmr_member_range &range(uint32_t i = 0) { return ranges_[i]; }

	// Where a unit begins on its disk.
	uint64_t sector(UnitNumber unit, uint32_t member = 0) const
	{
		uint32_t bytes = setup_->members[member].unit_bytes;

		return metadata::area_start(Sectors(ranges_[member].start), bytes).value + unit.value * (bytes / 512);
	}
	format::Unit read_unit(UnitNumber unit, uint32_t member = 0)
	{
		format::Unit out;

		disk(member).peek(sector(unit, member), &out, 8);
		return out;
	}
	void write_unit(UnitNumber unit, const format::Unit &content, uint32_t member = 0)
	{
		disk(member).poke(sector(unit, member), &content, 8);
	}
	void rot(UnitNumber unit, uint32_t byte = 700, uint8_t mask = 1, uint32_t member = 0)
	{
		disk(member).rot(sector(unit, member) + byte / 512, byte % 512, mask);
	}
	// Rot in both copies.
	void lose(UnitNumber unit_in_a, uint32_t member = 0)
	{
		rot(unit_in_a, 700, 1, member);
		rot(unit_in_a + layout().copy_units, 700, 1, member);
	}
	UnitNumber in_copy_b(UnitNumber unit_in_a) const { return unit_in_a + layout().copy_units; }

	World world;
	dmr_metadata *md = nullptr;
	char reason[DMR_REASON_SIZE] = {};
	Map map;		// what was acknowledged
	Map loaded;
	dmr_load_report report = {};
	dmr_probe probe = {};	// of disk 0
	uint32_t added = 99;

private:
	// The disk holds the superblock of an active member.
	bool active(uint32_t i) const
	{
		const dmr_setup &said = probes_[i].setup;

		return probes_[i].verdict == DMR_PROBE_MEMBER && said.members[said.own_index].state == DMR_MEMBER_ACTIVE;
	}

	Options options_;
	std::unique_ptr<dmr_setup> setup_;
	std::vector<std::unique_ptr<SimDisk>> disks_;
	std::vector<dmr_member_range> ranges_;
	std::vector<dmr_probe> probes_;
	uint32_t ignored_ = 0;
	uint64_t counter_ = 0;
	Source source_;
};

} // namespace dm_remap::metadata_test

#endif
