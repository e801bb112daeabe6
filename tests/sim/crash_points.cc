// SPDX-License-Identifier: GPL-2.0
// dmremap_crash_points [--scenario NAME] [--seed S] [--cut K] [--list]
#include "crash_points.hh"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>

namespace dm_remap::sim {

using namespace host;

namespace {

// All combinations of survivors are tried while there are no more than this; beyond, so many drawn ones.
constexpr uint64_t most_combinations = 1 << 10;

struct Fate {
	SimDisk *disk;
	std::vector<Unflushed> blocks;
	DiskContent before;
};

uint64_t combinations(const std::vector<Fate> &fates)
{
	uint64_t n = 1;

	for (const Fate &fate : fates) {
		for (const Unflushed &block : fate.blocks) {
			n *= block.versions + 1;
			if (n > most_combinations)
				return n;
		}
	}
	return n;
}

// The combination with this number, in the mixed radix of the blocks' versions.
void decide(std::vector<Fate> &fates, uint64_t number)
{
	for (Fate &fate : fates) {
		fate.disk->restore(fate.before);
		fate.disk->power_cut([&](const Unflushed &block) {
			uint32_t choice = uint32_t(number % (block.versions + 1));

			number /= block.versions + 1;
			return choice;
		});
	}
}

void draw(std::vector<Fate> &fates, Random &random)
{
	for (Fate &fate : fates) {
		fate.disk->restore(fate.before);
		fate.disk->power_cut(random);
	}
}

// False when the operation ended before its k-th point.
bool cut_at(const Scenario &scenario, uint64_t seed, uint64_t k, Totals &totals)
{
	History h(seed);
	std::vector<Fate> fates;

	scenario.prepare(h);
	h.world.cut_after(k);
	bool cut = h.world.run_fiber("act", [&] { scenario.act(h); }) == Stop::PowerCut;

	if (cut) {
		totals.cuts++;
		for (SimDisk *disk : h.world.disks())
			fates.push_back({ disk, disk->unflushed(), disk->snapshot() });
		uint64_t all = combinations(fates);
		bool sampled = all > most_combinations;

		totals.sampled += sampled;
		for (uint64_t n = 0; n < std::min(all, most_combinations) && h.violations.empty(); n++) {
			if (sampled)
				draw(fates, h.world.random());
			else
				decide(fates, n);
			h.reboot_and_check();
			totals.states++;
			if (!h.violations.empty())
				fmt::print("state {} of {}{}\n", n, all, sampled ? " (drawn)" : "");
		}
	} else {
		h.world.run_fiber("remove", [&] { h.remove(); });
	}
	for (const std::string &text : h.violations) {
		fmt::print("violation: --scenario {} --seed {} --cut {}: {}\n", scenario.name, seed, k, text);
		totals.violations++;
	}
	for (size_t i = h.world.logs.size() > 5 && !h.violations.empty() ? h.world.logs.size() - 5 : h.world.logs.size();
	     i < h.world.logs.size(); i++)
		fmt::print("  log: {}\n", h.world.logs[i]);
	return cut;
}

} // namespace

void run(const Scenario &scenario, uint64_t seed, uint64_t only_cut, Totals &totals)
{
	if (only_cut) {
		cut_at(scenario, seed, only_cut, totals);
		return;
	}
	for (uint64_t k = 1; cut_at(scenario, seed, k, totals) && totals.violations < 5; k++) {
	}
}

} // namespace dm_remap::sim

int main(int argc, char **argv)
{
	using namespace dm_remap::sim;
	CLI::App app{ "Cuts the power at every point of short operations, and checks what is there afterwards." };
	std::string name;
	uint64_t seed = 1, cut = 0;
	bool list = false;
	Totals totals;

	app.add_option("--scenario", name, "only this one");
	app.add_option("--seed", seed, "of the scheduler and of drawn states");
	app.add_option("--cut", cut, "only at this point");
	app.add_flag("--list", list, "the scenarios, and stop");
	CLI11_PARSE(app, argc, argv);

	bool found = false;

	for (const Scenario &scenario : scenarios()) {
		if (list)
			fmt::print("{:20} {}\n", scenario.name, scenario.what);
		if (list || (!name.empty() && name != scenario.name))
			continue;
		found = true;
		Totals before = totals;

		run(scenario, seed, cut, totals);
		fmt::print("{:20} cuts={} states={}\n", scenario.name, totals.cuts - before.cuts, totals.states - before.states);
		if (totals.cuts == before.cuts) {
			fmt::print("violation: the scenario writes nothing, so that it shows nothing\n");
			totals.violations++;
		}
	}
	if (list)
		return 0;
	if (!found) {
		fmt::print(stderr, "no scenario '{}'; --list names them\n", name);
		return 2;
	}
	fmt::print("power_cuts={} states={} sampled_cuts={} violations={}\n", totals.cuts, totals.states, totals.sampled,
		   totals.violations);
	return totals.violations ? 1 : 0;
}
