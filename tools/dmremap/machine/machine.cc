// SPDX-License-Identifier: GPL-2.0
#include "machine/machine.hh"

#include "machine/udev.hh"
#include "sysfs.hh"

#include "metadata/offline/locate.hh"

#include <dm_remap/lineage.hh>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace dm_remap::tool {

namespace {

std::vector<Running> all_running(const std::optional<std::string> &unavailable)
{
	return unavailable ? std::vector<Running>() : Running::all();
}

// Whether the one is built upon the other, through any number of layers.
bool is_above(const std::string &upper, const std::string &lower)
{
	for (const std::string &below : sysfs::slaves(upper))
		if (below == lower || sysfs::disk(below) == lower || is_above(below, lower))
			return true;
	return false;
}

// A spare shows through what is built upon it, as multipath: then what is on top is meant. Two of them that have nothing to do with each
// other stay; one is a copy.
void drop_lower_layers(std::vector<Member> &members)
{
	const auto shows_above = [&](const Member &member) {
		return std::any_of(members.begin(), members.end(), [&](const Member &other) {
			return same_uuid(other.own().uuid, member.own().uuid) &&
			       is_above(sysfs::number(other.name.path), sysfs::number(member.name.path));
		});
	};
	std::vector<bool> lower;

	for (const Member &member : members)
		lower.push_back(shows_above(member));
	for (size_t i = members.size(); i-- > 0;)
		if (lower[i])
			members.erase(members.begin() + static_cast<ptrdiff_t>(i));
}

} // namespace

std::optional<Member> look_for_member(const std::string &path, std::optional<uint64_t> start, Answer &answer)
{
	try {
		dmr_member_range range = {};

		if (!start) {
			dmr_device device(path, os::Access::read);

			if (!metadata::locate_at_start(&device, range))
				return {};
			start = range.start;
		}
		Member member = open_member({path, path, start, {}});

		if (member.is_member())
			return member;
		answer.note(fmt::format("{}: {}", path, what_is_on(member)));
	} catch (const std::system_error &error) {
		answer.note(error.what());
	} catch (const Failure &failure) {
		answer.note(failure.what());
	}
	return {};
}

Machine::Machine(Answer &answer)
	: config_(SetsConfig::read()), unavailable_(dm::unavailable()), running_(all_running(unavailable_))
{
	for (const std::string &fault : config_.faults())
		answer.warn("config", fault);
}

void Machine::must_know_what_runs() const
{
	if (unavailable_)
		throw Failure(ExitStatus::failed, "device-mapper", fmt::format("what runs is not known: {}", *unavailable_));
}

Running Machine::find(const std::string &name) const
{
	if (unavailable_)
		throw Failure(ExitStatus::failed, "device-mapper", *unavailable_);
	const Running *by_set = serving(name);

	return by_set ? *by_set : Running::find(name);
}

const Running *Machine::serving(const std::string &set_uuid) const
{
	for (const Running &device : running_)
		if (!set_uuid.empty() && set_of(device) == set_uuid)
			return &device;
	return nullptr;
}

std::string Machine::set_of(const Running &device) const
{
	if (std::string uuid = device.set_uuid(); !uuid.empty())
		return uuid;
	const auto [known, is_new] = set_uuids_.try_emplace(device.device().number());

	if (!is_new)
		return known->second;
	for (const RunningSpare &spare : device.spares()) {
		const Manners silent;
		Answer nobody("", silent);

		if (const std::optional<Member> member = look_for_member(sysfs::node(spare.number), spare.start, nobody))
			return known->second = uuid_text(member->setup().set_uuid);
	}
	return {};
}

std::optional<SetPlaces> Machine::places(const std::string &name) const
{
	const auto at = [](const std::string &path, uint64_t start) { return fmt::format("{}@{}", path, start); };
	const auto called = [&](const Running &device) { return device.name() == name || device.device().path == name; };
	const auto found = std::find_if(running_.begin(), running_.end(), called);
	const Running *running = found != running_.end() ? &*found : serving(name);
	SetPlaces places;

	if (running) {
		const ConfiguredSet *set = configured(*running);

		places.main = path_of(running->main_number(), set);
		for (const RunningSpare &spare : running->spares())
			places.spares.push_back(at(path_of(spare.number, set), spare.start));
		return places;
	}
	const ConfiguredSet *set = config_.find(name);

	if (!set)
		return {};
	places.main = set->main;
	for (const ConfiguredSpare &spare : set->spares)
		if (!spare.path.empty())
			places.spares.push_back(at(spare.path, spare.start));
	return places;
}

std::string Machine::path_of(const std::string &number, const ConfiguredSet *set) const
{
	const auto is_at = [&](const std::string &name) { return !name.empty() && number_of(name) == number; };

	if (set && is_at(set->main))
		return set->main;
	if (set)
		for (const ConfiguredSpare &spare : set->spares)
			if (is_at(spare.path))
				return spare.path;
	return udev::lasting_path(sysfs::node(number));
}

// Each spare of a set is looked for among all of its names.
const std::string &Machine::number_of(const std::string &path) const
{
	const auto [known, is_new] = numbers_.try_emplace(path);

	if (is_new)
		known->second = sysfs::number(path);
	return known->second;
}

std::vector<SeenSet> Machine::scan(Answer &answer) const
{
	std::set<std::pair<std::string, uint64_t>> looked_at; // device, start of a range
	std::set<std::string> not_to_be_read;
	std::vector<SeenSet> sets;
	const auto look = [&](const std::string &path, std::optional<uint64_t> start) {
		std::optional<Member> member = look_for_member(path, start, answer);

		if (member && looked_at.emplace(sysfs::number(path), member->range.start).second)
			add_seen(sets, std::move(*member));
	};

	for (const ConfiguredSet &set : config_.sets())
		for (const ConfiguredSpare &spare : set.spares)
			if (!spare.path.empty())
				look(spare.path, spare.start);
	for (const Running &device : running_) {
		not_to_be_read.insert(device.device().number());
		for (const RunningSpare &spare : device.spares())
			look(sysfs::node(spare.number), spare.start);
	}
	for (const std::string &number : sysfs::all()) {
		// A read of one that is suspended would wait.
		if (not_to_be_read.contains(number) || sysfs::attribute(number, "dm/suspended") == "1")
			continue;
		look(sysfs::node(number), {});
	}
	for (SeenSet &set : sets)
		drop_lower_layers(set.members);
	return sets;
}

} // namespace dm_remap::tool
