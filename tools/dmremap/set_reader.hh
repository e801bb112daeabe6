// SPDX-License-Identifier: GPL-2.0
// Spares as they are named on the command line, and the sets that they make. Reads, and never writes.
#ifndef DMREMAP_SET_READER_HH
#define DMREMAP_SET_READER_HH

#include "answer.hh"
#include "os/device.hh"

#include "core/map/durable_map.hh"

#include <dm_remap/reassembly.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// DEV[@START[+SECTORS]], in sectors of 512 bytes. A path that holds an '@' itself is taken whole if it is there.
struct MemberName {
	std::string given, path;
	std::optional<uint64_t> start, sectors;

	// Throws Failure usage.
	static MemberName parse(const std::string &given);
};

// A device or image that was named, and what the metadata makes of it.
struct Member {
	MemberName name;
	std::unique_ptr<dmr_device> device;
	dmr_member_range range = {};	// as named; as its superblock says where that was left out
	dmr_probe probe = {};
	std::string unreadable;		// why there is no verdict; else empty

	bool is_member() const { return unreadable.empty() && probe.verdict == DMR_PROBE_MEMBER; }
	const dmr_setup &setup() const { return probe.setup; }
	const dmr_member_entry &own() const { return probe.setup.members[probe.setup.own_index]; }
	const std::string &path() const { return name.given; }
};

// Throws std::system_error if it cannot be opened.
Member open_member(const MemberName &name, os::Access access = os::Access::read);
std::vector<Member> open_members(const std::vector<std::string> &names);
// What is on it, in a few words.
std::string what_is_on(const Member &member);

// The spares of one set, and its map as the product itself loads it.
class SetReader final {
public:
	// Throws Failure: nothing of ours, several sets, separate ways. Warns of members that are missing.
	SetReader(std::vector<Member> members, Answer &answer);
	~SetReader();
	SetReader(const SetReader &) = delete;
	SetReader &operator=(const SetReader &) = delete;

	// As the newest branch has it.
	const dmr_setup &setup() const { return assembly_->setup; }
	BlockSize block_size() const { return BlockSize(setup().main.block_bytes); }
	// By slot; null for one that was not named.
	const Member *member(uint32_t slot) const { return by_slot_[slot]; }
	const dmr_member_range *ranges() const { return ranges_.data(); }
	// Its superblocks are both lost, and it is known by its other units.
	bool headless(uint32_t slot) const { return headless_ >> slot & 1; }
	// Those whose metadata is of the newest branch, a bit per slot.
	uint32_t believed() const { return believed_; }
	// Active, dropped: whose spare blocks may serve.
	bool has_slot(uint32_t slot) const;
	const std::vector<Member> &members() const { return members_; }
	// One of them is in use: what was read may be of several moments.
	bool held() const;

	// The newest state that verifies. Throws Failure damaged. Of all members; or of one alone, if it is known that the copies of the
	// others are the same.
	void load(bool one_is_enough = false);
	const DurableMap &map() const { return *map_; }
	// After load(): in the order of main; and the bad spare blocks, by spare.
	template <typename F>
	void each_extent(F f) const
	{
		Extent extent;

		for (MainBlock at; map_->index().first_from(at, extent); at = extent.end())
			f(extent);
	}
	template <typename F>
	void each_bad(F f) const
	{
		dmr_spare_extent bad;

		for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++)
			for (uint64_t from = 0; map_->spares().next_bad(slot, from, bad); from = bad.block + bad.length)
				f(bad);
	}
	// The sector on the device of a member that is there.
	uint64_t spare_sector(uint32_t slot, SpareBlock block) const
	{
		return ranges_[slot].start + block_size().to_sectors(block).value;
	}
	uint64_t generation() const { return generation_; }

private:
	void assemble();
	void find_headless();
	void judge_members(Answer &answer);

	std::vector<Member> members_;
	std::unique_ptr<dmr_assembly> assembly_;
	std::array<const Member *, DMR_MAX_MEMBERS> by_slot_ = {};
	std::array<dmr_member_range, DMR_MAX_MEMBERS> ranges_ = {};
	uint32_t headless_ = 0, believed_ = 0;
	uint64_t generation_ = 0;
	MemberList list_;
	CounterValues counted_;
	Counters counters_;
	FlushState flush_state_;
	dmr_gate gate_{};	// nobody maps
	std::unique_ptr<DurableMap> map_;
};

std::string uuid_text(const uint8_t (&uuid)[DMR_UUID_SIZE]);
// Whose blocks may serve: active, or dropped.
inline bool belongs(const dmr_member_entry &entry)
{
	return entry.state == DMR_MEMBER_ACTIVE || entry.state == DMR_MEMBER_DROPPED;
}

// "dropped"
const char *state_text(uint32_t member_state);

} // namespace dm_remap::tool

#endif
