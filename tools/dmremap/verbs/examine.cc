// SPDX-License-Identifier: GPL-2.0
// examine DEV...: what one spare says of itself.
#include "set_reader.hh"
#include "setup_text.hh"
#include "verbs.hh"

#include "metadata/offline/survey.hh"

namespace dm_remap::tool {

namespace {

struct SuperblockCopy {
	metadata::UnitState state;
	dmr_setup setup;
	Sectors where;
};

const char *verdict_id(const Member &member)
{
	if (!member.unreadable.empty())
		return "unreadable";
	switch (member.probe.verdict) {
	case DMR_PROBE_BLANK:
		return "blank";
	case DMR_PROBE_MEMBER:
		return "member";
	case DMR_PROBE_DAMAGED:
		return "damaged";
	case DMR_PROBE_AMBIGUOUS:
		return "ambiguous";
	case DMR_PROBE_UNSUPPORTED:
		return "unsupported";
	default:
		return "foreign";
	}
}

SuperblockCopy read_copy(const Member &member, metadata::Copy copy)
{
	SuperblockCopy found = {};
	format::Superblock scratch;
	const dmr_member_entry &own = member.own();

	found.state = metadata::read_superblock(member.range, own.unit_bytes, metadata::layout_of(member.setup()),
						member.setup().set_uuid, own.uuid, copy, scratch, found.setup, found.where);
	return found;
}

class Examine final : public Verb {
public:
	const char *name() const override { return "examine"; }
	const char *summary() const override { return "show the superblock of a spare, in full"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...", "spares, or images of them");
		o.required();
		o.flag("--export", export_, "KEY=VALUE lines, for scripts and udev");
	}

	int run(Answer &answer) override
	{
		int status = static_cast<int>(ExitStatus::done);

		if (answer.as_json())
			answer.json().begin_array("devices");
		for (const std::string &given : names_) {
			const Member member = open_member(MemberName::parse(given));

			if (!member.is_member())
				status = static_cast<int>(ExitStatus::not_found);
			else if (member.own().sectors > member.range.sectors)
				answer.warn("too-short", fmt::format("{}: its superblock speaks of {} sectors, there are {}", member.path(),
								     member.own().sectors, member.range.sectors));
			if (answer.as_json())
				write(answer.json(), member);
			else if (export_)
				print_keys(answer, member);
			else
				print(answer, member);
		}
		return status;
	}

private:
	static void write(JsonWriter &out, const Member &member)
	{
		out.begin_object();
		out.value("path", member.path());
		out.value("verdict", verdict_id(member));
		out.value("text", what_is_on(member));
		out.value("start", member.range.start);
		out.value("sectors", member.range.sectors);
		if (!member.is_member()) {
			out.null("set");
			out.null("number");
			out.null("superblocks");
			out.end();
			return;
		}
		out.value("number", member.setup().own_index);
		out.begin_object("set");
		write_setup(out, member.setup());
		out.end();
		out.begin_array("superblocks");
		for (const metadata::Copy copy : format::copies) {
			const SuperblockCopy found = read_copy(member, copy);
			const bool good = found.state == metadata::UnitState::good;

			out.begin_object({}, JsonWriter::Style::compact);
			out.value("copy", copy == metadata::Copy::a ? "a" : "b");
			out.value("sector", found.where.value);
			out.value("state", metadata::describe(found.state));
			out.value("setup_generation", good ? std::optional(found.setup.generation) : std::nullopt);
			out.value("branch", good ? std::optional(uuid_text(found.setup.branch)) : std::nullopt);
			out.end();
		}
		out.end();
		out.end();
	}

	static void print(Answer &answer, const Member &member)
	{
		const dmr_setup &setup = member.setup();

		answer.line("{}:", member.path());
		if (!member.is_member()) {
			answer.line("        state: {}", what_is_on(member));
			return;
		}
		const dmr_member_entry &own = member.own();

		answer.line("          set: {}", uuid_text(setup.set_uuid));
		answer.line("         name: {}", setup.name[0] ? shown(setup.name) : "-");
		answer.line("        spare: {} of {}, {}, UUID {}", setup.own_index, count(setup), state_text(own.state), uuid_text(own.uuid));
		answer.line("        range: sectors {} to {}, {}", member.range.start, member.range.start + own.sectors,
			    human_bytes(own.sectors * DMR_SECTOR_SIZE));
		answer.line("     metadata: {}; spare blocks from sector {} of the range on", human_bytes(own.data_start * DMR_SECTOR_SIZE),
			    own.data_start);
		answer.line("         main: {} sectors ({}), blocks of {} bytes, {}", setup.main.sectors,
			    human_bytes(setup.main.sectors * DMR_SECTOR_SIZE), setup.main.block_bytes,
			    main_text(setup.main).empty() ? "no identity known" : main_text(setup.main));
		answer.line("      created: {}", when(setup.created));
		answer.line("  max extents: {}", setup.max_extents);
		answer.line(" read retries: {}", setup.read_retries);
		answer.line("       branch: {}, {} before it", uuid_text(setup.branch), setup.ancestor_count);
		answer.line("        units: {} of {} bytes a copy; {} a checkpoint, {} half a log", setup.copy_units, own.unit_bytes,
			    setup.checkpoint_units, setup.log_half_units);
		for (const metadata::Copy copy : format::copies) {
			const SuperblockCopy found = read_copy(member, copy);

			answer.line(" superblock {}: sector {}: {}", copy == metadata::Copy::a ? 'A' : 'B', found.where.value,
				    found.state == metadata::UnitState::good ? fmt::format("good, generation {}", found.setup.generation)
									     : metadata::describe(found.state));
		}
		for (uint32_t i = 0; i < setup.member_count; i++)
			if (setup.members[i].state != DMR_MEMBER_ABSENT)
				answer.line("     member {:2}: {} {}, {} sectors{}{}", i, uuid_text(setup.members[i].uuid),
					    state_text(setup.members[i].state), setup.members[i].sectors,
					    setup.members[i].identity[0] ? ", " : "", shown(setup.members[i].identity));
	}

	// Stable, as mdadm's --export is. What is not fit for a shell or udev becomes '_'.
	static void print_keys(Answer &answer, const Member &member)
	{
		const auto plain = [](std::string_view text) {
			std::string out;

			for (const char c : text)
				out += (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
						       std::string_view("#+-.:=@_/").find(c) != std::string_view::npos
					       ? c
					       : '_';
			return out;
		};
		answer.line("DM_REMAP_VERDICT={}", verdict_id(member));
		if (!member.is_member())
			return;
		const dmr_setup &setup = member.setup();

		answer.line("DM_REMAP_SET={}", uuid_text(setup.set_uuid));
		answer.line("DM_REMAP_NAME={}", plain(setup.name));
		answer.line("DM_REMAP_MEMBER={}", uuid_text(member.own().uuid));
		answer.line("DM_REMAP_NUMBER={}", setup.own_index);
		answer.line("DM_REMAP_STATE={}", state_text(member.own().state));
		answer.line("DM_REMAP_MEMBERS={}", count(setup));
		answer.line("DM_REMAP_BRANCH={}", uuid_text(setup.branch));
		answer.line("DM_REMAP_START={}", member.range.start);
		answer.line("DM_REMAP_SECTORS={}", member.own().sectors);
		answer.line("DM_REMAP_MAIN_SECTORS={}", setup.main.sectors);
		answer.line("DM_REMAP_MAIN_IDENTITY={}", plain(setup.main.identity));
		answer.line("DM_REMAP_MAIN_DISK={}", plain(setup.main.disk));
		answer.line("DM_REMAP_MAIN_ID={}", plain(setup.main.id));
	}

	static uint32_t count(const dmr_setup &setup)
	{
		uint32_t n = 0;

		for (uint32_t i = 0; i < setup.member_count; i++)
			n += setup.members[i].state != DMR_MEMBER_ABSENT;
		return n;
	}

	std::vector<std::string> names_;
	bool export_ = false;
};

} // namespace

std::unique_ptr<Verb> make_examine()
{
	return std::make_unique<Examine>();
}

} // namespace dm_remap::tool
