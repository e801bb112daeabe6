// SPDX-License-Identifier: GPL-2.0
// create NAME --main DEV --spare DEV...: makes a set of a main in use, or to be used, and blank spares, and starts it.
#include "doctor/raw_main.hh"
#include "machine/blank_spare.hh"
#include "machine/find_main.hh"
#include "machine/guard_answer.hh"
#include "machine/starter.hh"
#include "machine/udev.hh"
#include "os/device.hh"
#include "roles.hh"
#include "seen_guard.hh"
#include "set_writer.hh"
#include "setup_text.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <dm_remap/text.hh>

#include <algorithm>

namespace dm_remap::tool {

namespace {

class Create final : public Verb {
public:
	const char *name() const override { return "create"; }
	const char *summary() const override { return "make a set of a disk and blank spares, and start it"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::text, "NAME", "of the device, which will be /dev/mapper/NAME");
		o.required();
		o.one("--main", main_, Takes::device, "DEV", "the disk that loses sectors; its content stays");
		o.required();
		o.several("--spare", spares_, Takes::device, "DEV[@START[+SECTORS]]...", "what takes those sectors");
		o.required();
		o.number("--max-extents", max_extents_, "N", "how many entries the map can hold; by the spares' size unless given", UINT32_MAX);
		o.number("--read-retries", read_retries_, "N", "how often a block that cannot be read is tried again: 3 unless given", UINT32_MAX);
		o.one("--main-id", main_id_, Takes::text, "TEXT", "what tells main's disk from others; what udev says unless given");
		o.flag("--format", format_, "also spares that are not blank: what they hold is lost");
		o.flag("--no-config", no_config_, "do not write the set into sets.conf");
		o.flag("--guard", guard_, "then keep main itself from being recognised: see 'guard'");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		std::string lost;

		if (machine.unavailable() && !answer.manners().dry_run)
			throw Failure(ExitStatus::failed, "device-mapper", *machine.unavailable());
		refuse_name(machine);
		const MainNow main = describe_main(main_, main_id_.empty() ? std::nullopt : std::optional(main_id_));

		refuse_if_used(main_, false);
		refuse_guarded();
		std::vector<Member> spares;

		for (const std::string &spare : spares_)
			spares.push_back(format_ ? open_spare_to_format(spare, main.identity.block_bytes, lost)
						 : open_blank_spare(spare, main.identity.block_bytes));
		check(main, spares);
		warn_of_main(main.path, answer);
		for (const Member &spare : spares)
			warn_of_spare(main.path, spare, answer);
		const dm::Segment segment = table(main, spares);
		std::optional<Subject> subject; // that is to be guarded
		std::vector<GuardPlace> places;

		if (guard_) {
			const std::string device = "/dev/mapper/" + name_;

			subject.emplace(Subject{name_, {}, main.path, device, {main.path, device, main.path}});
			places = look_for_places(answer, *subject);
		}

		if (answer.manners().dry_run) {
			report(answer, main, segment, {}, nullptr);
			if (guard_)
				report_places(answer, main, places);
			return static_cast<int>(ExitStatus::done);
		}
		if (!lost.empty())
			answer.confirm(lost);
		make(answer, main, spares, segment);
		return static_cast<int>(subject ? guard(answer, *subject) : ExitStatus::done);
	}

private:
	static constexpr uint64_t not_given = UINT64_MAX;

	void refuse_name(const Machine &machine) const
	{
		if (name_.empty() || std::any_of(name_.begin(), name_.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
			throw Failure(ExitStatus::usage, "usage", fmt::format("'{}' is no name for a device", shown(name_)));
		if (const ConfiguredSet *known = machine.config().find(name_))
			throw Failure(ExitStatus::busy, "busy",
				      fmt::format("{}:{}: set {} has this name; 'dmremap open {}' starts it. For a new one, take another name, or the line out",
						  machine.config().path(), known->line, known->uuid, shown(name_)));
		if (!machine.unavailable())
			refuse_if_taken(name_);
	}

	// What the guard stands for is on the spares of another set.
	void refuse_guarded() const
	{
		dmr_device device(main_, os::Access::read);

		if (const std::optional<SeenGuard> seen = SeenGuard::look(device))
			throw Failure(ExitStatus::would_lose, "guarded",
				      fmt::format("{}: {}; a new set would serve guard blocks in the place of those", main_, seen->text()));
	}

	// Before anything is made: what is not there cannot be guarded.
	static std::vector<GuardPlace> look_for_places(Answer &answer, const Subject &subject)
	{
		GuardPlaces places = places_to_guard(subject.main);

		if (places.all.empty())
			throw Failure(ExitStatus::failed, "nothing-to-guard",
				      fmt::format("{0} holds nothing that anybody would recognise: create the set without --guard, and 'dmremap guard on {1}' when it holds "
						  "something",
						  subject.main, shown(subject.name)));
		confirm_guard(answer, subject);
		return std::move(places.all);
	}

	static void report_places(Answer &answer, const MainNow &main, const std::vector<GuardPlace> &places)
	{
		if (answer.as_json())
			return write_guarded(answer.json(), places, {});
		answer.line("these sectors of {} would be guarded:", main.path);
		list_places(answer, places);
	}

	// The set is there, whatever becomes of this.
	static ExitStatus guard(Answer &answer, const Subject &subject)
	{
		const Running device = Running::find(subject.name);

		try {
			const Guarded guarded = guard_main(device, places_on(device));

			if (answer.as_json())
				write_guarded(answer.json(), guarded.places, guarded);
			tell_guarded(answer, subject, guarded);
			return guarded.whole() ? ExitStatus::done : ExitStatus::failed;
		} catch (const Failure &failure) {
			throw Failure(failure.status(), failure.id(),
				      fmt::format("{} serves {}, which is not guarded: {}; then 'dmremap guard on {}'", subject.device, subject.main, failure.what(),
						  shown(subject.name)));
		}
	}

	// What the modules will look at, looked at before: the reasons are the same.
	void check(const MainNow &main, const std::vector<Member> &spares) const
	{
		const auto setup = std::make_unique<dmr_assembly>();
		std::vector<dmr_assembly_member> members;
		std::vector<dmr_member_range> ranges;
		dmr_assembly_request request = {};
		dmr_assembly_verdict verdict;
		char reason[DMR_REASON_SIZE] = "";

		if (spares.size() > DMR_MAX_MEMBERS)
			throw Failure(ExitStatus::usage, "usage", fmt::format("a set has at most {} spares", int{DMR_MAX_MEMBERS}));
		for (size_t i = 0; i < spares.size(); i++) {
			refuse_overlap(spares[i], {spares.data(), i});
			if (sysfs::number(spares[i].name.path) == sysfs::number(main.path))
				throw Failure(ExitStatus::would_lose, "same-device",
					      fmt::format("{} is main itself: a spare has to be on another disk", spares[i].path()));
		}
		for (const Member &spare : spares) {
			ranges.push_back(spare.range);
			members.push_back({&spare.range, &spare.probe, {}});
			dmr_device_describe(spare.device.get(), &members.back().info);
			// Opened for reading here, which is not what the modules do.
			members.back().info.read_only = sysfs::attribute(sysfs::number(spare.name.path), "ro") == "1";
		}
		request.main = &main.identity;
		request.main_place = main.place.c_str();
		request.name = name_.c_str();
		request.members = members.data();
		request.member_count = static_cast<uint32_t>(members.size());
		request.max_extents = given(max_extents_).value_or(0);
		request.format = format_;
		if (reassembly_ops.assemble(&request, &verdict, setup.get(), reason) ||
		    metadata_ops.lay_out(ranges.data(), request.max_extents, &setup->setup, reason))
			throw Failure(ExitStatus::failed, "refused", os::name_paths(reason));
	}

	dm::Segment table(const MainNow &main, const std::vector<Member> &spares) const
	{
		std::vector<RangeWords> ranges;
		std::vector<std::string> features;

		for (const Member &spare : spares)
			ranges.push_back({spare.name.path, spare.range.start, spare.range.sectors});
		if (format_)
			features.push_back("format");
		if (main.identity.id[0])
			features.insert(features.end(), {"main_id", main.identity.id});
		for (const auto &[word, number] : {std::pair("max_extents", max_extents_), std::pair("read_retries", read_retries_)})
			if (given(number))
				features.insert(features.end(), {word, std::to_string(number)});
		return {0, main.identity.sectors, "remap", table_arguments(main.path, ranges, features)};
	}

	// Whether the file can be written is known before anything is.
	void make(Answer &answer, const MainNow &main, const std::vector<Member> &spares, const dm::Segment &segment) const
	{
		if (!no_config_) {
			const ConfigEdit can_be_written;
		}
		const dm::Device device = dm::create(name_, {}, {segment});
		SeenSet set;

		for (const Member &spare : spares)
			if (std::optional<Member> made = look_for_member(spare.name.path, spare.range.start, answer))
				set.members.push_back(std::move(*made));
		if (set.members.empty())
			throw Failure(ExitStatus::failed, "io", fmt::format("{} serves {}, but its spares cannot be read", device.path, main.path));
		dm::set_uuid(device, dm_uuid_of(set.uuid()));
		const Tree tree;
		const Subject subject = {name_, set.uuid(), main.path, device.path, {main.path, device.path, device.path}};

		if (!no_config_)
			remember(set, name_, main, answer, boots_from(tree, subject));
		report(answer, main, segment, device.path, &set);
		for (const Finding &finding : what_uses_main(tree, subject))
			answer.warn(finding.id, fmt::format("{}: {}", finding.text, finding.action));
	}

	// set: null: it was not made.
	static void report(Answer &answer, const MainNow &main, const dm::Segment &segment, const std::string &path, const SeenSet *set)
	{
		const std::string line = fmt::format("0 {} remap {}", segment.sectors, segment.text);

		if (answer.as_json()) {
			JsonWriter &out = answer.json();

			out.value("set", set ? std::optional(set->uuid()) : std::nullopt);
			out.value("path", set ? std::optional(path) : std::nullopt);
			out.value("main", main.path);
			out.value("table", line);
			return;
		}
		if (!set) {
			answer.line("{}", line);
			return;
		}
		answer.line("{} serves {}: use it in the place of that, and never {} itself", path, main.path, main.path);
		answer.line("the set is {}; after a reboot, 'dmremap open {}' starts it again", set->uuid(), shown(set->newest().name));
	}

	static std::optional<uint64_t> given(uint64_t number) { return number == not_given ? std::nullopt : std::optional(number); }

	std::string name_, main_, main_id_;
	std::vector<std::string> spares_;
	uint64_t max_extents_ = not_given, read_retries_ = not_given;
	bool format_ = false, no_config_ = false, guard_ = false;
};

} // namespace

std::unique_ptr<Verb> make_create()
{
	return std::make_unique<Create>();
}

} // namespace dm_remap::tool
