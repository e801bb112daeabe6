// SPDX-License-Identifier: GPL-2.0
#include "set_reader.hh"

#include "roles.hh"
#include "seen_guard.hh"

#include "metadata/offline/locate.hh"
#include "reassembly/signatures.hh"

#include <dm_remap/lineage.hh>
#include <dm_remap/text.hh>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace dm_remap::tool {

namespace {

std::optional<uint64_t> number(std::string_view text)
{
	uint64_t value = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);

	return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

} // namespace

std::string uuid_text(const uint8_t (&uuid)[DMR_UUID_SIZE])
{
	std::string text;

	for (int i = 0; i < DMR_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text += '-';
		text += fmt::format("{:02x}", uuid[i]);
	}
	return text;
}

const char *state_text(uint32_t member_state)
{
	switch (member_state) {
	case DMR_MEMBER_ACTIVE:
		return "active";
	case DMR_MEMBER_DROPPED:
		return "dropped";
	case DMR_MEMBER_JOINING:
		return "joining";
	default:
		return "absent";
	}
}

MemberName MemberName::parse(const std::string &given)
{
	const size_t at = given.rfind('@');
	std::error_code ignored;

	if (at == given.npos || std::filesystem::exists(given, ignored))
		return {given, given, {}, {}};
	const std::string_view range = std::string_view(given).substr(at + 1);
	const size_t plus = range.find('+');
	MemberName name = {given, given.substr(0, at), number(range.substr(0, plus)), {}};

	if (plus != range.npos)
		name.sectors = number(range.substr(plus + 1));
	if (!name.start || (plus != range.npos && !name.sectors))
		throw Failure(ExitStatus::usage, "usage",
			      fmt::format("'{}' is not there, and '{}' is not START or START+SECTORS, in sectors of 512 bytes", shown(given),
					  shown(range)));
	return name;
}

Member open_member(const MemberName &name, os::Access access)
{
	Member member;
	char reason[DMR_REASON_SIZE] = "";

	member.name = name;
	member.device = std::make_unique<dmr_device>(name.path, access);
	const uint64_t end = member.device->sectors();

	member.range = {member.device.get(), name.start.value_or(0), 0};
	if (member.range.start > end || name.sectors.value_or(0) > end - member.range.start)
		throw Failure(ExitStatus::usage, "usage", fmt::format("{}: the device ends at sector {}", name.given, end));
	member.range.sectors = name.sectors.value_or(end - member.range.start);
	dmr_member_range found = {};

	// Where the range was left open, its superblock knows.
	if (!name.sectors && metadata::locate(member.device.get(), found) && (!name.start || *name.start == found.start))
		member.range = found;
	if (metadata_ops.probe(&member.range, &member.probe, reason))
		member.unreadable = os::name_paths(reason);
	return member;
}

std::vector<Member> open_members(const std::vector<std::string> &names)
{
	std::vector<Member> members;

	for (const std::string &name : names)
		members.push_back(open_member(MemberName::parse(name)));
	return members;
}

std::string what_is_on(const Member &member)
{
	if (!member.unreadable.empty())
		return member.unreadable;
	switch (member.probe.verdict) {
	case DMR_PROBE_BLANK:
		return member.device && !member.device->sectors() ? "it is empty: 0 bytes" : "it is blank";
	case DMR_PROBE_MEMBER:
		return "it is a spare of set " + uuid_text(member.setup().set_uuid);
	case DMR_PROBE_DAMAGED:
		return "it holds metadata of dm-remap, but no copy of its superblock verifies";
	case DMR_PROBE_AMBIGUOUS:
		return "it holds superblocks of two different spares that both verify";
	case DMR_PROBE_UNSUPPORTED:
		return "it holds metadata of a version that this dmremap does not know";
	default:
		break;
	}
	if (metadata::formatting_begun(member.range))
		return "a formatting, or a restore, of it did not come to its end";
	if (const std::optional<SeenGuard> guard = SeenGuard::look(*member.device))
		return guard->text();
	reassembly::RangeReader reader(member.range);

	if (const std::optional<reassembly::Signature> found = reassembly::find_signature(reader))
		return fmt::format("it holds {} (magic at byte {})", found->what, found->offset);
	return fmt::format("it is not blank (sector {} of it), and what it holds is of no known kind", member.probe.first_nonzero_sector);
}

namespace {

// Was being added when the machine went down: none of the others counts it in, and it holds nothing.
bool is_joining(const Member &member, const std::vector<Member> &all)
{
	bool others = false;

	if (member.own().state != DMR_MEMBER_JOINING)
		return false;
	for (const Member &other : all) {
		if (&other == &member || !other.is_member() || std::memcmp(other.setup().set_uuid, member.setup().set_uuid, DMR_UUID_SIZE))
			continue;
		others = true;
		for (const dmr_member_entry &entry : other.setup().members)
			if (belongs(entry) && !std::memcmp(entry.uuid, member.own().uuid, DMR_UUID_SIZE))
				return false;
	}
	return others;
}

} // namespace

SetReader::SetReader(std::vector<Member> members, Answer &answer)
	: members_(std::move(members)), assembly_(std::make_unique<dmr_assembly>())
{
	for (const Member &member : members_)
		if (!member.is_member() && member.unreadable.empty() && member.probe.verdict != DMR_PROBE_DAMAGED &&
		    member.probe.verdict != DMR_PROBE_FOREIGN)
			throw Failure(ExitStatus::not_found, "no-set", fmt::format("{}: {}", member.path(), what_is_on(member)));
	assemble();
	find_headless();
	judge_members(answer);
	// Last, as the destructor is what gives it back.
	if (flush_state_.init() || counters_.init(&counted_))
		throw std::bad_alloc();
}

SetReader::~SetReader()
{
	if (map_)
		map_->destroy();
	counters_.destroy();
	flush_state_.destroy();
}

// Who belongs together is the reassembly's to say. Main is not asked for here: the newest superblock says which it is.
void SetReader::assemble()
{
	std::vector<dmr_assembly_member> named;
	std::vector<const Member *> which;
	const Member *newest = nullptr;
	char reason[DMR_REASON_SIZE] = "";

	for (const Member &member : members_) {
		if (!member.is_member())
			continue;
		if (which.size() == DMR_MAX_MEMBERS)
			throw Failure(ExitStatus::usage, "usage", fmt::format("a set has at most {} spares", int{DMR_MAX_MEMBERS}));
		if (is_joining(member, members_))
			continue;
		if (!newest || supersedes(member.setup(), newest->setup()))
			newest = &member;
		named.push_back({&member.range, &member.probe, {}});
		dmr_device_describe(member.device.get(), &named.back().info);
		which.push_back(&member);
	}
	if (!newest)
		throw Failure(members_.front().probe.verdict == DMR_PROBE_DAMAGED ? ExitStatus::failed : ExitStatus::not_found,
			      members_.front().probe.verdict == DMR_PROBE_DAMAGED ? "no-superblock" : "no-set",
			      fmt::format("{}: {}", members_.front().path(), what_is_on(members_.front())));
	dmr_assembly_request request = {};
	dmr_assembly_verdict verdict;

	request.main = &newest->setup().main;
	request.main_place = "";
	request.name = newest->setup().name;
	request.members = named.data();
	request.member_count = static_cast<uint32_t>(named.size());
	request.degraded = request.force = request.read_only = true;
	if (reassembly_ops.assemble(&request, &verdict, assembly_.get(), reason))
		throw Failure(ExitStatus::failed, "not-one-set", os::name_paths(reason));
	for (size_t i = 0; i < which.size(); i++) {
		const uint8_t slot = assembly_->slot[i];

		if (slot == DMR_NO_SLOT)
			continue;
		by_slot_[slot] = which[i];
		ranges_[slot] = which[i]->range;
	}
}

// A member that has lost both its superblocks says by any other unit who it is, and the others know where those lie.
void SetReader::find_headless()
{
	for (const Member &member : members_) {
		if (member.is_member() || !member.device)
			continue;
		for (uint32_t slot = 0; slot < setup().member_count && !member.is_member(); slot++) {
			dmr_member_range range = {member.device.get(), 0, 0};

			if (by_slot_[slot] || !belongs(setup().members[slot]) ||
			    !metadata::known_by_heads(setup(), slot, member.name.start ? &*member.name.start : nullptr, range))
				continue;
			by_slot_[slot] = &member;
			ranges_[slot] = range;
			headless_ |= 1u << slot;
			break;
		}
	}
}

void SetReader::judge_members(Answer &answer)
{
	for (uint32_t slot = 0; slot < setup().member_count; slot++) {
		const dmr_member_entry &entry = setup().members[slot];
		const Member *member = by_slot_[slot];

		if (!belongs(entry))
			continue;
		if (!member)
			answer.warn("missing", fmt::format("spare {} of the set is not named here: UUID {}{}{}, {} sectors{}", slot,
							   uuid_text(entry.uuid), entry.identity[0] ? ", " : "", shown(entry.identity),
							   entry.sectors, entry.state == DMR_MEMBER_DROPPED ? ", dropped" : ""));
		else if (headless(slot) ? entry.state == DMR_MEMBER_ACTIVE : up_to_date(member->setup(), setup()) &&
								  entry.state == DMR_MEMBER_ACTIVE)
			believed_ |= 1u << slot;
		else
			answer.warn("stale", fmt::format("{} is behind the others: its metadata is not believed", member->path()));
	}
	for (const Member &member : members_)
		if (std::find(by_slot_.begin(), by_slot_.end(), &member) == by_slot_.end())
			answer.warn("no-member", fmt::format("{}: {}", member.path(),
							     member.is_member() && is_joining(member, members_)
								     ? "it was being added to the set, and holds nothing of it yet"
								     : what_is_on(member)));
}

bool SetReader::has_slot(uint32_t slot) const
{
	return slot < setup().member_count && belongs(setup().members[slot]);
}

bool SetReader::held() const
{
	for (const Member &member : members_)
		if (member.device->held())
			return true;
	return false;
}

void SetReader::load(bool one_is_enough)
{
	char reason[DMR_REASON_SIZE] = "";
	bool any = false;

	for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++)
		list_.clear(slot);

	// One that has no superblock left is no help to the product's own load.
	for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++)
		if (by_slot_[slot] && !headless(slot) && !(one_is_enough && (any || !(believed() >> slot & 1)))) {
			list_.set(slot, ranges_[slot]);
			any = true;
		}
	if (map_)
		map_->destroy();
	map_ = std::make_unique<DurableMap>();
	const DurableMap::Config config = {
		.inst = nullptr,
		.block_size = block_size(),
		.main_blocks = block_size().to_blocks(Sectors(setup().main.sectors)),
		.members = &list_,
		.read_only = true,
		.metadata = &metadata_ops,
		.pool = &spare_pool_ops,
		.counters = &counters_,
		.flush_state = &flush_state_,
		.gate = &gate_,
	};
	Error error = map_->init(config, setup(), reason);

	if (!error)
		error = map_->load(false, reason);
	// What is known of those that are left out has to fit into less memory.
	if (error && one_is_enough)
		return load();
	if (error)
		throw Failure(ExitStatus::failed, error.code() == EUCLEAN ? "damaged" : error.code() == ENOMEM ? "memory" : "refused",
			      os::name_paths(reason));
	dmr_snapshot snapshot = {};

	map_->snapshot(snapshot);
	generation_ = snapshot.generation;
}

} // namespace dm_remap::tool
