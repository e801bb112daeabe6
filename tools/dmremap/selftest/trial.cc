// SPDX-License-Identifier: GPL-2.0
#include "selftest/trial.hh"

#include "damage.hh"
#include "exit_status.hh"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <thread>

namespace dm_remap::tool {

namespace {

// Sectors that main refuses; one that it cannot read; others that it refuses after a restart.
constexpr SectorRange refused = {1000, 8}, unreadable = {2000, 1}, refused_later = {3000, 4};
// They are written with what lies around them.
constexpr uint64_t around = 4;
constexpr uint64_t piece = 1024; // of one I/O

constexpr SectorRange with_neighbours(SectorRange range)
{
	return {range.start - around, range.sectors + 2 * around};
}

// Status of a read of the whole range at once.
dmr_status read(const std::string &path, os::Access access, SectorRange range, SectorBuffer &into)
{
	return dmr_device(path, access).read(range.start, into.data(), static_cast<uint32_t>(range.sectors));
}

std::string failed(const char *what, SectorRange range)
{
	return fmt::format("{} of sectors {} to {} fails", what, range.start, range.end() - 1);
}

std::string text_of(const std::vector<Entry> &map)
{
	std::string out;

	for (const Entry &entry : map)
		out += fmt::format("{}{} {} to {}", out.empty() ? "" : ", ", entry.kind, entry.range.start, entry.range.end() - 1);
	return out.empty() ? "nothing" : out;
}

std::vector<Entry> map_of(const Running &device)
{
	std::vector<Entry> out;

	device.each_extent([&](const LiveExtent &extent) { out.push_back({{extent.sector, extent.sectors}, std::string(extent.kind)}); });
	return out;
}

uint64_t number_in(const std::string &answer, std::string_view subject, std::string_view key)
{
	for (AnswerLines lines(answer); lines.next();)
		if (lines.subject() == subject)
			return lines.number(key);
	throw Broken(fmt::format("the answer to 'stats' has no line '{}'", subject));
}

} // namespace

std::span<const Promise> Trial::promises()
{
	static constexpr Promise all[] = {
		{"content", "what main holds is what the device gives", &Trial::content},
		{"write", "a write to sectors that main refuses succeeds, and reads back", &Trial::write},
		{"exact", "they alone have moved, and everything else is where it was", &Trial::exact},
		{"pending", "a sector that cannot be read fails, and goes on failing", &Trial::pending},
		{"heal", "a write heals it", &Trial::heal},
		{"mended", "old data does not come back when main takes those sectors again", &Trial::mended},
		{"counts", "status, counters and events tell what has happened", &Trial::counts},
		{"second", "a second start of the set is refused", &Trial::second},
		{"durable", "after a stop and a start the map is the same, and goes on growing", &Trial::durable},
		{"spare", "the spare holds the map, undamaged, for whoever has no modules", &Trial::on_spare},
		{"main", "main without the modules holds all that was never bad", &Trial::main_alone},
	};

	return all;
}

Trial::Trial(const Rig &rig) : rig_(rig), content_(Rig::main_sectors)
{
	const auto unfit = [] { throw Failure(ExitStatus::failed, "unfit", "what was written to a loop device is not what it gives: nothing can be tried "
									    "there; name another folder with --directory"); };
	dmr_device main(rig_.failing_main(), os::Access::write);

	all_but({}, [&](SectorRange range) {
		SectorBuffer data(range.sectors);

		content_.fill(range, data);
		if (main.write(range.start, data.data(), static_cast<uint32_t>(range.sectors), 0))
			unfit();
	});
	if (main.flush())
		unfit();
	try {
		all_but({}, [&](SectorRange range) { check_main(range); });
	} catch (const Broken &) {
		unfit();
	}
}

template <typename F>
void Trial::all_but(const std::vector<SectorRange> &left_out, F f) const
{
	uint64_t at = 0;
	const auto until = [&](uint64_t end) {
		for (; at < end; at += std::min(piece, end - at))
			f(SectorRange{at, std::min(piece, end - at)});
	};

	for (const SectorRange &range : left_out) {
		until(range.start);
		at = range.end();
	}
	until(content_.sectors());
}

void Trial::write_to_device(SectorRange range)
{
	SectorBuffer data(range.sectors);

	content_.next_write(range);
	content_.fill(range, data);
	if (dmr_device(rig_.path(), os::Access::write).write(range.start, data.data(), static_cast<uint32_t>(range.sectors), DMR_IO_FUA))
		throw Broken(failed("a write", range));
}

// Not by a handle that reads ahead: that would ask for sectors that are none of this test's business.
void Trial::check_device(SectorRange range) const
{
	SectorBuffer data(range.sectors);

	if (read(rig_.path(), os::Access::write, range, data))
		throw Broken(failed("a read", range));
	if (const std::optional<std::string> difference = content_.difference(range, data))
		throw Broken("the device: " + *difference);
}

void Trial::check_main(SectorRange range) const
{
	SectorBuffer data(range.sectors);

	if (read(rig_.main(), os::Access::read, range, data))
		throw Broken(failed("a read from main", range));
	if (const std::optional<std::string> difference = content_.difference(range, data))
		throw Broken("main: " + *difference);
}

void Trial::expect_map(const std::vector<Entry> &expected) const
{
	const std::vector<Entry> map = map_of(rig_.device());

	if (map != expected)
		throw Broken(fmt::format("the map has {}, not {}", text_of(map), text_of(expected)));
}

void Trial::expect_pending(uint64_t sectors) const
{
	if (const uint64_t pending = rig_.device().status().pending; pending != sectors)
		throw Broken(fmt::format("status tells of {} pending sectors, not {}", pending, sectors));
}

void Trial::content()
{
	rig_.start();
	events_before_ = rig_.device().device().events;
	all_but({}, [&](SectorRange range) { check_device(range); });
}

void Trial::write()
{
	rig_.break_main({refused, unreadable});
	write_to_device(with_neighbours(refused));
	check_device(with_neighbours(refused));
}

void Trial::exact()
{
	expect_map({{refused, "mapped"}});
	all_but({unreadable}, [&](SectorRange range) { check_device(range); });
	all_but({refused, unreadable}, [&](SectorRange range) { check_main(range); });
}

void Trial::pending()
{
	for (int again = 0; again < 2; again++) {
		SectorBuffer data(unreadable.sectors);

		if (!read(rig_.path(), os::Access::write, unreadable, data))
			throw Broken(fmt::format("a read of sector {} succeeds", unreadable.start));
		expect_pending(unreadable.sectors);
	}
	check_device({unreadable.start - around, around});
	check_device({unreadable.end(), around});
}

void Trial::heal()
{
	write_to_device(unreadable);
	check_device(with_neighbours(unreadable));
	expect_pending(0);
	expect_map({{refused, "mapped"}, {unreadable, "mapped"}});
}

void Trial::mended()
{
	rig_.break_main({});
	all_but({}, [&](SectorRange range) { check_device(range); });
}

// An event is sent by a worker, a moment after what it tells of.
void Trial::counts()
{
	using namespace std::chrono_literals;
	constexpr std::chrono::milliseconds patience = 10s, moment = 10ms;
	const Running device = rig_.device();
	const LiveStatus status = device.status();
	const std::string stats = dm::message(device.device(), "stats");
	const uint64_t remapped = refused.sectors + unreadable.sectors;

	if (status.mode != "ok" || status.extents != 2 || status.remapped != remapped || status.pool_used != remapped)
		throw Broken(fmt::format("status tells of mode {}, {} entries, {} sectors remapped, and {} of the spare in use, not of ok, 2, {} and {}",
					 status.mode, status.extents, status.remapped, status.pool_used, remapped, remapped));
	if (!number_in(stats, "errors", "read") || !number_in(stats, "errors", "write") || number_in(stats, "remaps", "blocks") != remapped)
		throw Broken(fmt::format("the counters tell of {} failed reads, {} failed writes and {} remapped blocks, not of some, some and {}",
					 number_in(stats, "errors", "read"), number_in(stats, "errors", "write"),
					 number_in(stats, "remaps", "blocks"), remapped));
	for (const auto end = std::chrono::steady_clock::now() + patience; rig_.device().device().events == events_before_;) {
		if (std::chrono::steady_clock::now() > end)
			throw Broken("device-mapper was sent no event");
		std::this_thread::sleep_for(moment);
	}
}

void Trial::second()
{
	try {
		rig_.start_second();
	} catch (const Failure &) {
		return;
	}
	throw Broken("another device serves the same main with the same spare");
}

void Trial::durable()
{
	const std::vector<Entry> before = map_of(rig_.device());

	rig_.stop();
	try {
		rig_.start();
	} catch (const Failure &failure) {
		throw Broken(fmt::format("it does not start again: {}", failure.what()));
	}
	expect_map(before);
	all_but({}, [&](SectorRange range) { check_device(range); });
	rig_.break_main({refused_later});
	write_to_device(with_neighbours(refused_later));
	expect_map({{refused, "mapped"}, {unreadable, "mapped"}, {refused_later, "mapped"}});
	all_but({}, [&](SectorRange range) { check_device(range); });
}

void Trial::on_spare()
{
	const std::vector<Entry> expected = map_of(rig_.device());

	rig_.stop();
	try {
		Answer nobody("", {});
		SetReader set(open_members({rig_.spare()}), nobody);
		std::vector<Entry> map;
		std::string first;
		SetSurvey survey(set, [&](const Damage &damage) {
			if (first.empty() && damage.weight != Weight::note)
				first = fmt::format("{}, at sector {} of the spare", unit_text(damage), damage.sector);
		});

		survey.run();
		if (survey.damage().damaged())
			throw Broken(fmt::format("{} of its units are damaged; the first is {}", survey.damage().damaged(), first));
		set.load();
		set.each_extent([&](const Extent &extent) {
			map.push_back({{set.block_size().to_sectors(extent.start).value, set.block_size().to_sectors(extent.length).value},
				       extent.kind == ExtentKind::mapped ? "mapped" : "another"});
		});
		if (map != expected)
			throw Broken(fmt::format("on the spare the map has {}, not {}", text_of(map), text_of(expected)));
	} catch (const Failure &failure) {
		throw Broken(failure.what());
	}
}

void Trial::main_alone()
{
	all_but({refused, unreadable, refused_later}, [&](SectorRange range) { check_main(range); });
}

} // namespace dm_remap::tool
