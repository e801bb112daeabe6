// SPDX-License-Identifier: GPL-2.0
// list [DEV...]: the sets that are seen, on the devices named or on all of this machine. What makes a set is its superblocks: no
// device is taken for a member, or for a main, by its size.
#include "set_reader.hh"
#include "setup_text.hh"
#include "verbs.hh"

#include "metadata/offline/locate.hh"

#include <dm_remap/lineage.hh>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

struct Set {
	std::vector<Member> members;

	// They may have gone separate ways; then whichever comes first.
	const dmr_setup &newest() const
	{
		const Member *found = &members.front();

		for (const Member &member : members)
			if (supersedes(member.setup(), found->setup()))
				found = &member;
		return found->setup();
	}
	bool separate_ways() const
	{
		for (const Member &a : members)
			for (const Member &b : members)
				if (diverged(a.setup(), b.setup()))
					return true;
		return false;
	}
	// Of the newest setup's, how many there are, and how many of those were seen.
	uint32_t expected() const
	{
		uint32_t n = 0;

		for (const dmr_member_entry &entry : newest().members)
			n += entry.state == DMR_MEMBER_ACTIVE || entry.state == DMR_MEMBER_DROPPED;
		return n;
	}
	uint32_t seen() const
	{
		uint32_t n = 0;

		for (const dmr_member_entry &entry : newest().members)
			n += entry.state != DMR_MEMBER_ABSENT && std::any_of(members.begin(), members.end(), [&](const Member &member) {
				     return same_uuid(member.own().uuid, entry.uuid);
			     });
		return n;
	}
};

uint64_t number_in(const fs::path &file)
{
	std::ifstream in(file);
	uint64_t value = 0;

	in >> value;
	return value;
}

// Every disk and partition with a size. In /dev a '!' of sysfs is a '/'.
std::vector<std::string> all_devices()
{
	std::vector<std::string> found;
	std::error_code error;
	const auto take = [&](const fs::path &folder) {
		std::string name = folder.filename();

		std::replace(name.begin(), name.end(), '!', '/');
		if (number_in(folder / "size"))
			found.push_back("/dev/" + name);
	};
	for (const fs::directory_entry &disk : fs::directory_iterator("/sys/block", error)) {
		take(disk.path());
		for (const fs::directory_entry &part : fs::directory_iterator(disk.path(), error))
			if (fs::exists(part.path() / "partition", error))
				take(part.path());
	}
	std::sort(found.begin(), found.end());
	return found;
}

class List final : public Verb {
public:
	const char *name() const override { return "list"; }
	const char *summary() const override { return "list the sets that are seen"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...",
			  "where to look; without any, all disks and partitions, where ranges begin with the device");
	}

	int run(Answer &answer) override
	{
		const std::vector<Set> sets = find(answer);

		if (answer.as_json())
			write(answer.json(), sets);
		else
			print(answer, sets);
		return static_cast<int>(sets.empty() && !names_.empty() ? ExitStatus::not_found : ExitStatus::done);
	}

private:
	std::vector<Set> find(Answer &answer) const
	{
		std::vector<Set> sets;

		for (const std::string &name : names_.empty() ? all_devices() : names_) {
			std::optional<Member> member = look(name, answer);

			if (!member)
				continue;
			const auto set = std::find_if(sets.begin(), sets.end(), [&](const Set &known) {
				return same_uuid(known.members.front().setup().set_uuid, member->setup().set_uuid);
			});

			(set == sets.end() ? sets.emplace_back() : *set).members.push_back(std::move(*member));
		}
		return sets;
	}

	// Of devices that nobody named as little is read as can be: one of them may be a dying main.
	std::optional<Member> look(const std::string &name, Answer &answer) const
	{
		if (!names_.empty()) {
			Member member = open_member(MemberName::parse(name));

			if (member.is_member())
				return member;
			answer.note(fmt::format("{}: {}", name, what_is_on(member)));
			return {};
		}
		try {
			dmr_device device(name, os::Access::read);
			dmr_member_range range;

			if (metadata::locate_at_start(&device, range))
				return open_member({name, name, range.start, range.sectors});
		} catch (const std::system_error &error) {
			answer.note(error.what());
		}
		return {};
	}

	static void write(JsonWriter &out, const std::vector<Set> &sets)
	{
		out.begin_array("sets");
		for (const Set &set : sets) {
			const dmr_setup &setup = set.newest();

			out.begin_object();
			out.value("uuid", uuid_text(setup.set_uuid));
			out.value("name", known(setup.name));
			out.value("spares", set.expected());
			out.value("spares_seen", set.seen());
			out.value("separate_ways", set.separate_ways());
			out.value("main_sectors", setup.main.sectors);
			out.value("main_identity", known(setup.main.identity));
			out.value("main_disk", known(setup.main.disk));
			out.value("main_id", known(setup.main.id));
			out.begin_array("members");
			for (const Member &member : set.members) {
				out.begin_object({}, JsonWriter::Style::compact);
				out.value("path", member.path());
				out.value("start", member.range.start);
				out.value("sectors", member.range.sectors);
				out.value("number", member.setup().own_index);
				out.value("uuid", uuid_text(member.own().uuid));
				out.value("state", state_of(set, member));
				out.value("in_use", member.device->held());
				out.end();
			}
			out.end();
			out.end();
		}
		out.end();
	}

	// As the newest superblock has it, and whether its own is as new.
	static std::string state_of(const Set &set, const Member &member)
	{
		const dmr_setup &setup = set.newest();

		if (member.own().state == DMR_MEMBER_JOINING)
			return "joining";
		for (const dmr_member_entry &entry : setup.members)
			if (entry.state != DMR_MEMBER_ABSENT && same_uuid(entry.uuid, member.own().uuid))
				return entry.state == DMR_MEMBER_ACTIVE && !up_to_date(member.setup(), setup) ? "behind" : state_text(entry.state);
		return "removed";
	}

	static void print(Answer &answer, const std::vector<Set> &sets)
	{
		for (const Set &set : sets) {
			const dmr_setup &setup = set.newest();

			answer.line("{} {}: {} of {} spares seen{}, main of {} sectors{}{}", uuid_text(setup.set_uuid),
				    setup.name[0] ? shown(setup.name) : "-", set.seen(), set.expected(),
				    set.separate_ways() ? ", which went separate ways" : "", setup.main.sectors,
				    main_text(setup.main).empty() ? "" : ", ", main_text(setup.main));
			for (const Member &member : set.members)
				answer.line("  {} spare {} {}{}, sectors {} to {}", shown(member.path()), member.setup().own_index,
					    state_of(set, member), member.device->held() ? ", in use" : "", member.range.start,
					    member.range.start + member.range.sectors);
		}
	}

	std::vector<std::string> names_;
};

} // namespace

std::unique_ptr<Verb> make_list()
{
	return std::make_unique<List>();
}

} // namespace dm_remap::tool
