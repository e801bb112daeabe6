// SPDX-License-Identifier: GPL-2.0
#include "machine/guarding.hh"

#include "boot/main_sight.hh"
#include "exit_status.hh"
#include "job_text.hh"
#include "machine/hand_job.hh"
#include "machine/progress.hh"
#include "sysfs.hh"

#include <dm_remap/engine.h>

#include <algorithm>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

LiveJob run(const Running &device, HandOrder order)
{
	Progress progress;
	const HandJob job(device, std::move(order));

	job.begin();
	const LiveJob end = job.wait([&](const LiveJob &now) {
		progress.show("looked at", now.at - now.from, now.end - now.from, fmt::format(", {}", job_numbers(now)));
		return true;
	});

	job.refuse_unless_done(end);
	return end;
}

// A message takes so many ranges.
void guard(const Running &device, const RangeSet &ranges, Guarded &out)
{
	const std::vector<Range> &all = ranges.ranges();

	for (size_t from = 0; from < all.size(); from += DMR_GUARD_RANGES) {
		const size_t end = std::min<size_t>(from + DMR_GUARD_RANGES, all.size());
		HandOrder order = {"guard", SectorRange{all[from].start, all[end - 1].end() - all[from].start}};

		for (size_t i = from; i < end; i++)
			order.pieces.push_back({all[i].start, all[i].count});
		const LiveJob job = run(device, std::move(order));

		out.unreadable += job.unreadable;
		out.refused += job.refused;
	}
}

// What has no data that could be moved away: the kernel refuses ranges with something of it.
RangeSet unreadable_of(const Running &device)
{
	std::vector<Range> out;

	device.each_extent([&](const LiveExtent &extent) {
		if (extent.kind != "mapped")
			out.push_back({extent.sector, extent.sectors});
	});
	return RangeSet(std::move(out));
}

void add(std::vector<GuardPlace> &all, std::vector<GuardPlace> more)
{
	for (GuardPlace &place : more)
		if (std::ranges::find(all, place) == all.end())
			all.push_back(std::move(place));
}

} // namespace

GuardPlaces places_on(const Running &device)
{
	if (device.device().suspended)
		throw Failure(ExitStatus::busy, "busy",
			      fmt::format("{0} is suspended, so it cannot be read: 'dmsetup resume {0}'", device.device().kernel_name));
	GuardPlaces places = places_to_guard(device.device().path);

	if (places.all.empty())
		throw Failure(ExitStatus::failed, "nothing-to-guard",
			      fmt::format("{0} holds nothing that anybody would recognise, so there is nothing to guard: make a filesystem or whatever it is to hold "
					  "on {0} first",
					  device.device().path));
	return places;
}

Guarded guard_main(const Running &device, GuardPlaces places)
{
	constexpr int most_rounds = 3;
	const std::string number = device.main_number(), main = sysfs::node(number);
	Guarded out;
	RangeSet tried;

	for (int round = 0; round < most_rounds; round++) {
		std::vector<Range> within;

		places.ranges().each_within({0, device.sectors()}, [&](const Range &range) { within.push_back(range); });
		const RangeSet wanted = RangeSet(std::move(within)).without(tried);

		add(out.places, std::move(places.all));
		out.gaps.insert(out.gaps.end(), places.gaps.begin(), places.gaps.end());
		if (wanted.empty())
			break;
		const RangeSet readable = wanted.without(unreadable_of(device));

		out.unreadable += wanted.count() - readable.count();
		guard(device, readable, out);
		std::vector<Range> all = tried.ranges();

		all.insert(all.end(), wanted.ranges().begin(), wanted.ranges().end());
		tried = RangeSet(std::move(all));
		places = places_to_guard(main);
	}
	out.left = signature_places(main);
	out.guard = device.status().guard;
	for (const sysfs::Partition &partition : sysfs::partitions(number))
		out.partitions.push_back(sysfs::node(partition.number));
	trigger_main(number);
	return out;
}

LiveJob unguard_main(const Running &device)
{
	const LiveJob job = run(device, {"unguard", {}});

	trigger_main(device.main_number());
	return job;
}

} // namespace dm_remap::tool
