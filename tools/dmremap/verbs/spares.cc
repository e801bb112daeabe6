// SPDX-License-Identifier: GPL-2.0
// add-spare, remove-spare, forget-spare: which spares a set that runs has.
#include "kernel_log.hh"
#include "machine/blank_spare.hh"
#include "machine/machine.hh"
#include "machine/progress.hh"
#include "machine/starter.hh"
#include "machine/waiting.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace dm_remap::tool {

namespace {

// By number, by a path, or by MAJOR:MINOR. Throws Failure: the set has none of this name.
LiveSpare find_spare(const LiveStatus &live, const std::string &name)
{
	const std::string device = sysfs::number(name);
	std::vector<LiveSpare> found;

	for (const LiveSpare &spare : live.spares)
		if (std::to_string(spare.number) == name || spare.device == name || (!device.empty() && spare.device == device))
			found.push_back(spare);
	if (found.empty())
		throw Failure(ExitStatus::not_found, "not-found",
			      fmt::format("{}: the set has no such spare; 'dmremap status' lists them, by number and device", shown(name)));
	if (found.size() > 1)
		throw Failure(ExitStatus::usage, "usage",
			      fmt::format("{}: several ranges of it are spares: say which by its number, {} or {}", shown(name), found[0].number,
					  found[1].number));
	return found.front();
}

// The modules speak of devices by number.
std::string name_device(std::string text, const std::string &number, const std::string &path)
{
	const auto is_digit = [&](size_t at) { return at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); };

	for (size_t at = 0; (at = text.find(number, at)) != text.npos;) {
		// 8:1 is no part of 8:16, nor of 68:1.
		if ((at && is_digit(at - 1)) || is_digit(at + number.size())) {
			at += number.size();
			continue;
		}
		text.replace(at, number.size(), path);
		at += path.size();
	}
	return text;
}

void report(Answer &answer, const std::string &device, std::optional<uint32_t> spare, const std::string &path, const char *result,
	    const std::string &text)
{
	if (!answer.as_json()) {
		answer.line("{}", text);
		return;
	}
	answer.json().value("name", device);
	answer.json().value("spare", spare);
	answer.json().value("path", path.empty() ? std::nullopt : std::optional(path));
	answer.json().word("result", result);
}

class AddSpare final : public Verb {
public:
	const char *name() const override { return "add-spare"; }
	const char *summary() const override { return "give a set that runs a further spare"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device");
		o.required();
		o.one("spare", spare_, Takes::device, "DEV[@START[+SECTORS]]", "a blank device, or range of one");
		o.required();
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const Running device = machine.find(name_);
		const LiveStatus before = device.status();
		const Member spare = open_blank_spare(spare_, before.block_bytes);
		const std::string number = sysfs::number(spare.name.path);

		warn_of_spare(sysfs::node(device.main_number()), spare, answer);
		if (answer.manners().dry_run) {
			report(answer, device.name(), {}, spare.path(), "nothing",
			       fmt::format("{}, {}, would be added", spare.path(), human_bytes(spare.range.sectors * DMR_SECTOR_SIZE)));
			return static_cast<int>(ExitStatus::done);
		}
		try {
			add(answer, device, spare, number);
		} catch (const Failure &failure) {
			throw Failure(failure.status(), failure.id(), name_device(failure.what(), number, spare.name.path));
		}
		const Running now = Running::find(device.name());
		std::optional<uint32_t> added;

		for (const LiveSpare &live : now.status().spares)
			if (!before.spare(live.number))
				added = live.number;
		if (machine.configured(device))
			remember(now, answer);
		report(answer, device.name(), added, spare.path(), "added",
		       fmt::format("{} is a spare of {} now", spare.path(), device.name()));
		return static_cast<int>(ExitStatus::done);
	}

private:
	// By the message, under I/O; where the device's users would have to live with tighter limits, by a table that says so.
	static void add(Answer &answer, const Running &device, const Member &spare, const std::string &number)
	{
		const std::string range = fmt::format("{} {} {}", number, spare.range.start, spare.range.sectors);

		try {
			dm::message(device.device(), "add_spare " + range);
		} catch (const Failure &failure) {
			if (std::string_view(failure.what()).find("would tighten the device's limits") == std::string_view::npos)
				throw;
			answer.note("it has tighter limits than the device: a new table is loaded");
			dm::load(device.device(), {with_spare(device.segment(), range)}, device.device().read_only);
			dm::suspend(device.device());
			dm::resume(device.device());
		}
	}

	static dm::Segment with_spare(dm::Segment segment, const std::string &range)
	{
		std::istringstream words(segment.text);
		std::vector<std::string> front, features;
		std::string word;
		constexpr size_t before_features = 4;

		while (words >> word)
			(front.size() < before_features ? front : features).push_back(word);
		// How many there are is their first.
		if (!features.empty())
			features.erase(features.begin());
		features.push_back("spare");
		for (std::istringstream more(range); more >> word;)
			features.push_back(word);
		segment.text = fmt::format("{} {} {}", fmt::join(front, " "), features.size(), fmt::join(features, " "));
		return segment;
	}

	std::string name_, spare_;
};

class RemoveSpare final : public Verb {
public:
	const char *name() const override { return "remove-spare"; }
	const char *summary() const override { return "move what lives on a spare to the others, and take it out"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device");
		o.required();
		o.one("spare", spare_, Takes::device, "SPARE", "its number in 'status', or its device");
		o.required();
		o.flag("--wait", wait_, "until it is out");
		o.flag("--force", force_, "give up what cannot be read there, as the last resort");
		o.flag("--cancel", cancel_, "stop taking it out; what was moved stays moved");
		o.excludes("--wait");
		o.excludes("--force");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const Running device = machine.find(name_);
		const LiveStatus before = device.status();
		const LiveSpare spare = find_spare(before, spare_);

		if (spare.missing())
			throw Failure(ExitStatus::failed, "missing",
				      fmt::format("spare {} is not there: find it, and 'dmremap open' the set with it; if it is gone for good, "
						  "'dmremap forget-spare {} {}'",
						  spare.number, device.name(), spare.number));
		refuse_ambiguous(before, spare);
		if (!cancel_)
			refuse_last(before, spare, device.name());
		const std::string path = machine.path_of(spare.device, machine.configured(device));

		if (answer.manners().dry_run) {
			report(answer, device.name(), spare.number, path, "nothing",
			       fmt::format("spare {}, {}, would be removed: {} sectors that live on it go to the others", spare.number, path, spare.used));
			return static_cast<int>(ExitStatus::done);
		}
		if (force_)
			answer.confirm(fmt::format("What cannot be read on spare {} is lost for good, and fails until it is written.", spare.number));
		const KernelLog log;

		try {
			dm::message(device.device(), fmt::format("remove_spare {}{}", spare.device, cancel_ ? " cancel" : force_ ? " force" : ""));
		} catch (const Failure &failure) {
			throw Failure(failure.status(), failure.id(), name_device(failure.what(), spare.device, path));
		}
		if (cancel_) {
			report(answer, device.name(), spare.number, path, "cancelled", fmt::format("spare {}, {}, stays", spare.number, path));
			return static_cast<int>(ExitStatus::done);
		}
		return finish(answer, machine, device, spare, path, log);
	}

private:
	// The message means the last range of a device.
	static void refuse_ambiguous(const LiveStatus &live, const LiveSpare &spare)
	{
		for (const LiveSpare &other : live.spares)
			if (other.device == spare.device && other.number > spare.number)
				throw Failure(ExitStatus::failed, "refused",
					      fmt::format("spare {} is on the same device: remove that one first", other.number));
	}

	// The map is on the spares.
	static void refuse_last(const LiveStatus &live, const LiveSpare &spare, const std::string &name)
	{
		for (const LiveSpare &other : live.spares)
			if (other.number != spare.number && !other.missing() && other.state != "dropped")
				return;
		throw Failure(ExitStatus::would_lose, "only-spare",
			      fmt::format("no other spare than {} holds the map as it is now: give the set another one first, 'dmremap add-spare {} DEV'",
					  spare.number, name));
	}

	static LiveStatus wait_for_end(const Running &device)
	{
		Progress progress;

		return wait_while(device, [&](const LiveStatus &now) {
			if (now.removal)
				progress.show("moved", now.removal->moved, now.removal->moved + now.removal->left,
					      fmt::format(", {} sectors left", now.removal->left));
			return now.removal.has_value();
		});
	}

	int finish(Answer &answer, const Machine &machine, const Running &device, const LiveSpare &spare, const std::string &path,
		   const KernelLog &log) const
	{
		const LiveStatus now = wait_ ? wait_for_end(device) : device.status();

		if (now.removal) {
			report(answer, device.name(), spare.number, path, "removing",
			       fmt::format("spare {}, {}, is being removed: {} sectors are to be moved; 'dmremap status {}' tells how far it is",
					   spare.number, path, now.removal->left, device.name()));
			return static_cast<int>(ExitStatus::done);
		}
		if (now.spare(spare.number))
			throw Failure(ExitStatus::failed, "not-removed", why_not(device, spare, path, log));
		if (machine.configured(device))
			remember(Running::find(device.name()), answer);
		report(answer, device.name(), spare.number, path, "removed", fmt::format("spare {}, {}, is out of the set", spare.number, path));
		return static_cast<int>(ExitStatus::done);
	}

	static std::string why_not(const Running &device, const LiveSpare &spare, const std::string &path, const KernelLog &log)
	{
		std::string why;

		for (const std::string &line : log.said(device.device().kernel_name))
			why += (why.empty() ? "" : "; ") + line;
		return fmt::format("spare {}, {}, stays in the set: {}", spare.number, path, why.empty() ? "the kernel's log tells why" : why);
	}

	std::string name_, spare_;
	bool wait_ = false, cancel_ = false, force_ = false;
};

class ForgetSpare final : public Verb {
public:
	const char *name() const override { return "forget-spare"; }
	const char *summary() const override { return "give up a spare that is gone for good"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device");
		o.required();
		o.one("spare", spare_, Takes::text, "NUMBER", "its number in 'status'");
		o.required();
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const Running device = machine.find(name_);
		const LiveSpare spare = find_spare(device.status(), spare_);

		if (!spare.missing() && spare.state != "dropped")
			throw Failure(ExitStatus::failed, "refused",
				      fmt::format("spare {} is not lost: 'dmremap remove-spare {} {}' moves what lives on it to the others", spare.number,
						  device.name(), spare.number));
		if (answer.manners().dry_run) {
			report(answer, device.name(), spare.number, {}, "nothing",
			       fmt::format("spare {} would be given up, with {} sectors that live on it", spare.number, spare.used));
			return static_cast<int>(ExitStatus::done);
		}
		if (spare.used)
			answer.confirm(fmt::format("{} sectors live on spare {}: they are lost for good, and cannot be read until they are written. If the "
						   "spare may be found again, or can still be read in part, keep it.",
						   spare.used, spare.number));
		dm::message(device.device(), fmt::format("forget_spare {}{}", spare.number, spare.used ? " force" : ""));
		if (machine.configured(device))
			remember(Running::find(device.name()), answer);
		report(answer, device.name(), spare.number, {}, "forgotten", fmt::format("spare {} is out of the set", spare.number));
		return static_cast<int>(ExitStatus::done);
	}

private:
	std::string name_, spare_;
};

} // namespace

std::unique_ptr<Verb> make_add_spare()
{
	return std::make_unique<AddSpare>();
}

std::unique_ptr<Verb> make_remove_spare()
{
	return std::make_unique<RemoveSpare>();
}

std::unique_ptr<Verb> make_forget_spare()
{
	return std::make_unique<ForgetSpare>();
}

} // namespace dm_remap::tool
