// SPDX-License-Identifier: GPL-2.0
// udev-main, udev-spare, udev-device: what the rules ask of a device, by MAJOR:MINOR, and what they learn, as KEY=VALUE. They never fail: to
// udev a device of which nothing is learnt is one like any other.
#include "boot/last_event.hh"
#include "boot/main_sight.hh"
#include "boot/run_dir.hh"
#include "machine/identity.hh"
#include "machine/machine.hh"
#include "machine/udev.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <syslog.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

using run_dir::Note;

class UdevVerb : public Verb {
public:
	const char *name() const final { return name_; }
	const char *summary() const final { return summary_; }
	bool hidden() const final { return true; }
	void options(Options &o) override
	{
		o.one("number", number_, Takes::text, "MAJOR:MINOR", "of the device");
		o.required();
	}

	int run(Answer &answer) final
	{
		try {
			ask(answer);
		} catch (const std::exception &error) {
			answer.note(error.what());
		}
		return static_cast<int>(ExitStatus::done);
	}

protected:
	UdevVerb(const char *name, const char *summary) : name_(name), summary_(summary) {}

	virtual void ask(Answer &answer) = 0;
	const std::string &number() const { return number_; }

	// A name may have anything in it, and udev takes a line for a value.
	static void tell(Answer &answer, const char *key, const std::string &value)
	{
		if (value.empty())
			return;
		if (answer.as_json())
			answer.json().value(key, value);
		else
			answer.line("{}={}", key, shown(value));
	}

private:
	const char *name_, *summary_;
	std::string number_;
};

class UdevMain final : public UdevVerb {
public:
	UdevMain() : UdevVerb("udev-main", "is this device a main, or a partition of one?") {}

private:
	void ask(Answer &answer) override
	{
		const std::vector<KnownMain> mains = known_mains(SetsConfig::read());
		std::string at;
		const KnownMain *main = find_known(mains, number(), Seen::now, at);

		if (!main)
			return;
		const MainUse use = use_of_main(at, main->set);
		// The file may know the set by its line, and a spare's note come first.
		const bool automatic = std::ranges::any_of(mains, [&](const KnownMain &other) { return other.set == main->set && other.automatic; });

		tell(answer, "DM_REMAP_MAIN", main->set);
		tell(answer, "DM_REMAP_MAIN_NAME", main->name);
		tell(answer, "DM_REMAP_MAIN_USE", use_text(use));
		if (automatic && use == MainUse::idle && !set_runs(main->set))
			tell(answer, "DM_REMAP_MAIN_AUTO", "1");
		if (use == MainUse::other && udev::property(number(), "DM_REMAP_MAIN_USE") != use_text(use))
			warn(at, *main);
	}

	static void warn(const std::string &at, const KnownMain &main)
	{
		const std::string path = sysfs::node(at);

		openlog("dmremap", 0, LOG_DAEMON);
		syslog(LOG_ERR, "%s is main of dm-remap's set %s, and is mounted, or part of another device, by itself: what was remapped is missing there, and "
				"what is written to it is missing in the set; stop that, and use /dev/mapper/%s",
		       path.c_str(), main.set.c_str(), main.name.empty() ? "…" : main.name.c_str());
	}
};

class UdevSpare final : public UdevVerb {
public:
	UdevSpare() : UdevVerb("udev-spare", "is this device a spare?") {}

	void options(Options &o) override
	{
		UdevVerb::options(o);
		o.several("link", links_, Takes::text, "LINK...", "its links in /dev, without that");
	}

private:
	// The rules wait: a disk that does not answer must not keep udev from others for longer.
	static constexpr unsigned int patience = 60; // seconds

	void ask(Answer &answer) override
	{
		alarm(patience);
		const SetsConfig config = SetsConfig::read();
		std::set<std::string> wanted;

		look_for_late_main(config, answer);
		if (const std::optional<Member> member = look_for_member(sysfs::node(number()), {}, answer)) {
			const std::string set = uuid_text(member->setup().set_uuid);

			tell(answer, "DM_REMAP_SET", set);
			tell(answer, "DM_REMAP_MEMBER", uuid_text(member->own().uuid));
			remember(*member);
			if (const ConfiguredSet *configured = config.find(set))
				want(*configured, wanted);
		}
		for (const ConfiguredSet &set : config.sets())
			if (std::ranges::any_of(set.spares, [&](const ConfiguredSpare &spare) { return is_here(spare, set, answer); }))
				want(set, wanted);
		std::string units;

		for (const std::string &set : wanted)
			units += fmt::format("{}dm-remap-assemble@{}.service", units.empty() ? "" : " ", set);
		tell(answer, "DM_REMAP_WANTS", units);
	}

	static void want(const ConfiguredSet &set, std::set<std::string> &wanted)
	{
		if (set.automatic && !set_runs(set.uuid) && !run_dir::read(Note::released, set.uuid))
			wanted.insert(set.uuid);
	}

	// A range of a larger device: no probe finds it at the device's start.
	bool is_here(const ConfiguredSpare &spare, const ConfiguredSet &set, Answer &answer) const
	{
		if (spare.path.empty() || !leads_here(spare.path))
			return false;
		const std::optional<Member> member = look_for_member(sysfs::node(number()), spare.start, answer);

		if (!member || uuid_text(member->setup().set_uuid) != set.uuid)
			return false;
		remember(*member);
		return true;
	}

	bool leads_here(const std::string &path) const
	{
		const auto is = [&](const std::string &link) { return "/dev/" + link == path; };

		return std::ranges::any_of(links_, is) || sysfs::number(path) == number();
	}

	// What udev calls a disk is known only after it was asked whether it is a main: then it is asked again, once.
	void look_for_late_main(const SetsConfig &config, Answer &answer) const
	{
		const std::vector<KnownMain> mains = known_mains(config);
		DeviceSight device = look_at(number(), Seen::now);

		for (const std::string &link : links_)
			device.names.push_back("/dev/" + link);
		if (std::getenv("DM_REMAP_MAIN") || udev::property(number(), "DM_REMAP_ASKED_AGAIN") == "1")
			return;
		if (std::ranges::any_of(mains, [&](const KnownMain &main) { return is_main(main, device); })) {
			tell(answer, "DM_REMAP_ASKED_AGAIN", "1");
			trigger_main(number());
		}
	}

	// Main of a set that was not known, and has been there before, is one from now on.
	static void remember(const Member &member)
	{
		const std::string set = uuid_text(member.setup().set_uuid), now = set_note(member.setup());

		if (run_dir::read(Note::set, set) == now)
			return;
		run_dir::write(Note::set, set, now);
		if (run_dir::read(Note::released, set))
			return;
		const std::string main = find_device({parse_set_note(set, now)}, set);

		if (!main.empty() && udev::property(main, "DM_REMAP_MAIN").empty())
			trigger_main(main);
	}

	std::vector<std::string> links_;
};

class UdevDevice final : public UdevVerb {
public:
	UdevDevice() : UdevVerb("udev-device", "which links is this mapped device to have?") {}

private:
	void ask(Answer &answer) override
	{
		const std::string uuid = sysfs::attribute(number(), "dm/uuid"), prefix = dm_uuid_of("");

		if (!uuid.starts_with(prefix))
			return;
		const std::string set = uuid.substr(prefix.size());

		tell(answer, "DM_REMAP_DEVICE", set);
		// udev hands on what the event has.
		if (const char *event = std::getenv("DM_REMAP_EVENT"); event && *event)
			note_event(set, event);
		for (const KnownMain &main : known_mains(SetsConfig::read()))
			if (const std::string_view identity = main.identity.identity; main.set == set && identity.starts_with(partuuid_prefix))
				return tell(answer, "DM_REMAP_PARTUUID", std::string(identity.substr(partuuid_prefix.size())));
	}
};

} // namespace

std::unique_ptr<Verb> make_udev_main()
{
	return std::make_unique<UdevMain>();
}

std::unique_ptr<Verb> make_udev_spare()
{
	return std::make_unique<UdevSpare>();
}

std::unique_ptr<Verb> make_udev_device()
{
	return std::make_unique<UdevDevice>();
}

} // namespace dm_remap::tool
