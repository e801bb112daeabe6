// SPDX-License-Identifier: GPL-2.0
// list [DEV...]: the sets of this machine, or of the devices named.
#include "machine/machine.hh"
#include "setup_text.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

// One of them at least is there.
struct Entry {
	const SeenSet *seen = nullptr;
	const ConfiguredSet *configured = nullptr;
	const Running *running = nullptr;
};

class List final : public Verb {
public:
	const char *name() const override { return "list"; }
	const char *summary() const override { return "list the sets of this machine"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...",
			  "where to look; without any, what runs, sets.conf, and all disks and partitions, where ranges begin with the device");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const std::vector<SeenSet> seen = names_.empty() ? machine.scan(answer) : named(answer);
		const std::vector<Entry> entries = join(machine, seen);

		if (answer.as_json())
			write(answer.json(), machine, entries);
		else
			print(answer, machine, entries);
		return static_cast<int>(entries.empty() && !names_.empty() ? ExitStatus::not_found : ExitStatus::done);
	}

private:
	std::vector<SeenSet> named(Answer &answer) const
	{
		std::vector<SeenSet> sets;

		for (const std::string &name : names_) {
			Member member = open_member(MemberName::parse(name));

			if (member.is_member())
				add_seen(sets, std::move(member));
			else
				answer.note(fmt::format("{}: {}", name, what_is_on(member)));
		}
		return sets;
	}

	std::vector<Entry> join(const Machine &machine, const std::vector<SeenSet> &seen) const
	{
		std::vector<Entry> out;

		for (const SeenSet &set : seen)
			out.push_back({&set, machine.config().find(set.uuid()), machine.serving(set.uuid())});
		if (!names_.empty())
			return out;
		for (const ConfiguredSet &set : machine.config().sets())
			if (std::none_of(seen.begin(), seen.end(), [&](const SeenSet &other) { return other.uuid() == set.uuid; }))
				out.push_back({nullptr, &set, machine.serving(set.uuid)});
		// One whose spares are all gone.
		for (const Running &device : machine.running())
			if (std::none_of(out.begin(), out.end(), [&](const Entry &other) { return other.running == &device; }))
				out.push_back({nullptr, nullptr, &device});
		return out;
	}

	static std::optional<std::string> uuid_of(const Machine &machine, const Entry &entry)
	{
		std::string uuid = entry.seen	      ? entry.seen->uuid()
				   : entry.configured ? entry.configured->uuid
						      : machine.set_of(*entry.running);

		return uuid.empty() ? std::nullopt : std::optional(std::move(uuid));
	}

	static std::optional<std::string> name_of(const Entry &entry)
	{
		if (entry.running)
			return entry.running->name();
		return entry.configured ? std::optional(entry.configured->name) : known(entry.seen->newest().name);
	}

	static std::optional<uint32_t> spares_of(const Entry &entry)
	{
		if (entry.seen)
			return entry.seen->expected();
		return entry.configured ? std::optional(static_cast<uint32_t>(entry.configured->spares.size())) : std::nullopt;
	}

	static std::optional<std::string> main_of(const Machine &machine, const Entry &entry)
	{
		if (entry.running)
			return machine.path_of(entry.running->main_number(), entry.configured);
		return entry.configured ? std::optional(entry.configured->main) : std::nullopt;
	}

	static void write(JsonWriter &out, const Machine &machine, const std::vector<Entry> &entries)
	{
		out.begin_array("sets");
		for (const Entry &entry : entries) {
			const dmr_setup *setup = entry.seen ? &entry.seen->newest() : nullptr;
			const auto of_main = [&](const char *text) { return setup ? known(text) : std::nullopt; };

			out.begin_object();
			out.value("uuid", uuid_of(machine, entry));
			out.value("name", name_of(entry));
			out.value("running", entry.running ? std::optional(entry.running->name()) : std::nullopt);
			out.value("configured", entry.configured != nullptr);
			out.value("spares", spares_of(entry));
			out.value("spares_seen", entry.seen ? entry.seen->seen() : 0);
			out.value("separate_ways", entry.seen && entry.seen->separate_ways());
			out.value("main", main_of(machine, entry));
			out.value("main_sectors", setup ? std::optional(setup->main.sectors) : std::nullopt);
			out.value("main_identity", of_main(setup ? setup->main.identity : ""));
			out.value("main_disk", of_main(setup ? setup->main.disk : ""));
			out.value("main_id", of_main(setup ? setup->main.id : ""));
			out.begin_array("members");
			for (size_t i = 0; entry.seen && i < entry.seen->members.size(); i++)
				write(out, *entry.seen, entry.seen->members[i]);
			out.end();
			out.end();
		}
		out.end();
	}

	static void write(JsonWriter &out, const SeenSet &set, const Member &member)
	{
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("path", member.path());
		out.value("start", member.range.start);
		out.value("sectors", member.range.sectors);
		out.value("number", member.setup().own_index);
		out.value("uuid", uuid_text(member.own().uuid));
		out.value("state", set.state_of(member));
		out.value("in_use", member.device->held());
		out.end();
	}

	static void print(Answer &answer, const Machine &machine, const std::vector<Entry> &entries)
	{
		for (const Entry &entry : entries) {
			answer.line("{} {}: {}, {} of {} spares seen{}{}", uuid_of(machine, entry).value_or("-"), shown(name_of(entry).value_or("-")),
				    entry.running ? "runs" : "does not run", entry.seen ? entry.seen->seen() : 0, spares_of(entry).value_or(0),
				    entry.seen && entry.seen->separate_ways() ? ", which went separate ways" : "",
				    entry.configured ? "" : ", not in " + machine.config().path());
			print_main(answer, main_of(machine, entry), entry);
			for (size_t i = 0; entry.seen && i < entry.seen->members.size(); i++) {
				const Member &member = entry.seen->members[i];

				answer.line("  {} spare {} {}{}, sectors {} to {}", shown(member.path()), member.setup().own_index,
					    entry.seen->state_of(member), member.device->held() ? ", in use" : "", member.range.start,
					    member.range.start + member.range.sectors);
			}
		}
	}

	static void print_main(Answer &answer, const std::optional<std::string> &path, const Entry &entry)
	{
		std::string text = path ? shown(*path) + " " : "";

		text += "main";
		if (entry.seen) {
			const dmr_main_identity &main = entry.seen->newest().main;

			text += fmt::format(", {} sectors{}{}", main.sectors, main_text(main).empty() ? "" : ", ", main_text(main));
		}
		answer.line("  {}", text);
	}

	std::vector<std::string> names_;
};

} // namespace

std::unique_ptr<Verb> make_list()
{
	return std::make_unique<List>();
}

} // namespace dm_remap::tool
