// SPDX-License-Identifier: GPL-2.0
// dmremap_sim: histories of a device under random I/O, faults and power cuts, checked by an oracle. --help.
#include "sim_history.hh"

#include <dm_remap/race_point.hh>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace dm_remap::sim {

namespace {

struct Options {
	uint64_t seed = 1, histories = 1000;
	std::optional<uint64_t> replay;
	uint32_t steps = 210;
	uint64_t seconds = 0;
	uint32_t jobs = 1;
	bool trace_hash = false, points = false, keep_going = false;
};

void replay(uint64_t seed, uint32_t steps, Totals &totals)
{
	SimHistory history(seed, steps);

	history.print_all();
	history.run(totals);
	for (const std::string &text : history.violations())
		fmt::print("violation (seed {}): {}\n", seed, text);
	fmt::print("trace_hash={:016x}\n", history.trace_hash());
}

void one(uint64_t seed, const Options &o, Totals &totals)
{
	SimHistory history(seed, o.steps);

	history.run(totals);
	if (o.trace_hash)
		fmt::print("trace_hash seed={} {:016x}\n", seed, history.trace_hash());
	for (const std::string &text : history.violations())
		fmt::print("violation (seed {}): {}; --replay {} shows the history\n", seed, text, seed);
}

void run(const Options &o, uint64_t first, uint64_t step, Totals &totals)
{
	const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(o.seconds);

	for (uint64_t i = first; o.seconds || i < o.histories; i += step) {
		if (o.seconds && std::chrono::steady_clock::now() >= end)
			break;
		one(o.seed + i, o, totals);
		if (totals.violations && !o.keep_going)
			break;
	}
}

// Every jobs-th history in a process of its own.
void run_jobs(const Options &o, Totals &totals)
{
	static_assert(std::is_trivially_copyable_v<Totals>);
	int ends[2];

	if (pipe(ends)) {
		std::perror("dmremap_sim: pipe");
		std::exit(2);
	}
	std::fflush(stdout);
	for (uint32_t job = 0; job < o.jobs; job++) {
		const pid_t child = fork();

		if (child < 0) {
			std::perror("dmremap_sim: fork");
			std::exit(2);
		}
		if (child > 0)
			continue;
		Totals mine;

		run(o, job, o.jobs, mine);
		std::fflush(stdout);
		_exit(write(ends[1], &mine, sizeof(mine)) == sizeof(mine) ? 0 : 2);
	}
	close(ends[1]);
	uint32_t heard = 0;
	for (Totals one; read(ends[0], &one, sizeof(one)) == sizeof(one); heard++)
		totals.add(one);
	while (wait(nullptr) > 0) {
	}
	if (heard == o.jobs)
		return;
	fmt::print("violation: {} of {} processes died\n", o.jobs - heard, o.jobs);
	totals.violations++;
}

} // namespace

} // namespace dm_remap::sim

int main(int argc, char **argv)
{
	using namespace dm_remap::sim;
	CLI::App app{"Histories of a device under random I/O, faults and power cuts, each checked by an oracle."};
	Options o;
	Totals totals;

	app.add_option("--seed", o.seed, "of the first history; the others follow");
	app.add_option("--histories", o.histories, "how many");
	app.add_option("--steps", o.steps, "requests of users in each, at least")->check(CLI::Range(1, 1'000'000));
	app.add_option("--seconds", o.seconds, "run for so long instead");
	app.add_option("--jobs", o.jobs, "processes, each with its share of the seeds")->check(CLI::Range(1, 64));
	app.add_option("--replay", o.replay, "the history of this seed, step by step");
	app.add_flag("--trace-hash", o.trace_hash, "of each history");
	app.add_flag("--points", o.points, "how often each point of interest was reached; exit status 1 if one was not");
	app.add_flag("--keep-going", o.keep_going, "after a violation");
	CLI11_PARSE(app, argc, argv);

	dm_remap::race_hook = [] {
		if (dm_remap::host::World *world = dm_remap::host::World::current())
			world->scheduler().maybe_stall();
	};
	if (o.replay)
		replay(*o.replay, o.steps, totals);
	else if (o.jobs > 1)
		run_jobs(o, totals);
	else
		run(o, 0, 1, totals);
	const uint32_t missing = o.points ? totals.points.print() : 0;
	fmt::print("histories={} steps={} power_cuts={} faults={} allocation_failures={} violations={}\n", totals.histories,
		   totals.steps, totals.power_cuts, totals.faults, totals.allocation_failures, totals.violations);
	return totals.violations || missing ? 1 : 0;
}
