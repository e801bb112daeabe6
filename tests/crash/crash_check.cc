// SPDX-License-Identifier: GPL-2.0
// dmr_crash_check: composes states of a journal, seeded, and checks each of them.
//
//	dmr_crash_check --journal FILE --fs ext4|xfs --states N --seed S [--cut K] [--plan DIRECTORY --plan-states M]
//
// A state is a place in the journal and what each disk keeps of its unflushed writes there. In each: the engine starts
// and loads its map; of every file whose fsync had returned, the data is where it was, in a version that may be; of an
// ext4 also e2fsck's opinion, and the files as the filesystem has them. An XFS log is replayed by its kernel alone:
// --plan writes what a virtual machine needs to do that with M states.
#include "assembly.hh"
#include "ext4.hh"
#include "files.hh"
#include "state.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <optional>

namespace dm_remap::crash {

namespace {

constexpr int most_reported = 5;

struct Options {
	std::string journal, fs = "ext4", plan, scratch = "/dev/shm";
	uint64_t states = 1000, seed = 1, plan_states = 0, cut = 0;
	bool no_tools = false;
};

struct Cut {
	uint64_t position, seed;

	auto operator<=>(const Cut &) const = default;
};

struct Totals {
	uint64_t states = 0, bad = 0, remapped = 0, most_remaps = 0, files = 0, unflushed = 0;
};

class Checker final {
public:
	explicit Checker(const Options &options)
		: options_(options), journal_(options.journal), composer_(journal_), marks_(marks_of(journal_)),
		  main_(journal_.disk("main"))
	{
		for (size_t i = 0; i < journal_.disks().size(); i++) {
			if (journal_.disks()[i].name.starts_with("spare"))
				spares_.push_back(i);
		}
		if (main_ < 0 || spares_.empty())
			throw std::runtime_error("the journal has no main, or no spare");
		while (start_ < marks_.size() && marks_[start_].text != "start")
			start_++;
		if (start_ == marks_.size())
			throw std::runtime_error("the workload has not begun in this journal");
		if (options.fs == "ext4" && !options.no_tools)
			ext4_.emplace(options.scratch, journal_.disks()[static_cast<size_t>(main_)].bytes());
	}

	std::vector<Cut> draw(uint64_t count, uint64_t seed) const;
	bool check(const Cut &cut);
	void write_plan() const;
	void report(double seconds) const;
	const Totals &totals() const { return totals_; }

private:
	std::string check_state(const Cut &cut);

	const Options &options_;
	const Journal journal_;
	Composer composer_;
	std::vector<Mark> marks_;
	size_t start_ = 0, next_mark_ = 0;
	int main_;
	std::vector<size_t> spares_;
	Expectation expectation_;
	std::optional<Ext4Checker> ext4_;
	Totals totals_;
};

// Some anywhere; some right after a spare was written to, where the order of the engine's own steps shows; some where
// what was written last has something unflushed before it on the same spare, which would show that a step was left out.
std::vector<Cut> Checker::draw(uint64_t count, uint64_t seed) const
{
	host::Random random(seed);
	std::vector<uint64_t> near, unflushed_before;
	std::vector<uint64_t> unflushed(journal_.disks().size());
	std::vector<Cut> cuts;
	const uint64_t first = marks_[start_].position + 1, last = journal_.entries().size();

	for (uint64_t i = 0; i < last; i++) {
		const Entry &e = journal_.entries()[i];

		if (e.kind == EntryKind::flush) {
			unflushed[e.disk] = 0;
			continue;
		}
		if (i >= first && std::find(spares_.begin(), spares_.end(), e.disk) != spares_.end()) {
			near.push_back(i + 1);
			if (unflushed[e.disk])
				unflushed_before.push_back(i + 1);
		}
		unflushed[e.disk]++;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint64_t position = random.between(first, last);

		if (i % 3 == 1 && !near.empty())
			position = std::min(last, near[random.below(near.size())] + random.below(3));
		else if (i % 3 == 2 && !unflushed_before.empty())
			position = unflushed_before[random.below(unflushed_before.size())];
		cuts.push_back({position, random.next() >> 1});
	}
	std::sort(cuts.begin(), cuts.end());
	return cuts;
}

std::string Checker::check_state(const Cut &cut)
{
	composer_.advance(cut.position);
	for (; next_mark_ < marks_.size() && marks_[next_mark_].position < cut.position; next_mark_++)
		expectation_.apply(marks_[next_mark_].text);

	std::vector<Image> disks = composer_.draw(cut.seed), spares;
	Image &main = disks[static_cast<size_t>(main_)];
	std::vector<uint64_t> chunks = composer_.disk(static_cast<size_t>(main_)).touched();

	for (const size_t spare : spares_)
		spares.push_back(std::move(disks[spare]));
	for (size_t i = 0; i < disks.size(); i++)
		totals_.unflushed += composer_.disk(i).unflushed();
	const Assembly assembly = assemble(main, spares);
	if (!assembly.refusal.empty())
		return assembly.refusal;
	// The start has written a checkpoint, superblocks: the next one must come to the same.
	const Assembly again = assemble(main, spares);
	if (!again.refusal.empty() || again.remaps != assembly.remaps)
		return again.refusal.empty() ? "a second start finds another map" : "a second start: " + again.refusal;
	flatten(main, spares, assembly);
	uint64_t remapped = 0;
	for (const Remap &remap : assembly.remaps) {
		remapped += remap.sectors;
		for (uint64_t s = remap.main_sector; s < remap.main_sector + remap.sectors; s += chunk_bytes / sector_bytes)
			chunks.push_back(s * sector_bytes / chunk_bytes);
		chunks.push_back((remap.main_sector + remap.sectors - 1) * sector_bytes / chunk_bytes);
	}
	totals_.remapped += remapped;
	totals_.most_remaps = std::max(totals_.most_remaps, remapped);
	for (const auto &[number, file] : expectation_.files())
		totals_.files += file.synced;

	std::string wrong = expectation_.check_extents([&](uint64_t at, void *out, size_t n) { main.read(at, out, n); });
	if (wrong.empty() && ext4_)
		wrong = ext4_->check(main, chunks, expectation_);
	return wrong;
}

bool Checker::check(const Cut &cut)
{
	const std::string wrong = check_state(cut);

	totals_.states++;
	if (wrong.empty())
		return true;
	if (totals_.bad++ < most_reported)
		fmt::print("BAD: cut {}, seed {}: {}\n     again: dmr_crash_check --journal {} --fs {} --cut {} --seed {}\n",
			   cut.position, cut.seed, wrong, options_.journal, options_.fs, cut.position, cut.seed);
	return false;
}

// For the machine: the cuts, and the marks with their places.
void Checker::write_plan() const
{
	std::ofstream states(options_.plan + "/states"), marks(options_.plan + "/marks");

	for (const Cut &cut : draw(options_.plan_states, options_.seed + 1))
		states << cut.position << ' ' << cut.seed << '\n';
	for (const Mark &mark : marks_)
		marks << mark.position << ' ' << mark.text << '\n';
	if (!states.flush() || !marks.flush())
		throw std::runtime_error("the plan cannot be written to " + options_.plan);
}

void Checker::report(double seconds) const
{
	const uint64_t states = std::max<uint64_t>(totals_.states, 1);

	fmt::print("states={} bad={} entries={} marks={} mean_unflushed={} mean_remapped_sectors={} most={} mean_synced_files={} "
		   "states_per_second={:.1f}\n",
		   totals_.states, totals_.bad, journal_.entries().size(), marks_.size(), totals_.unflushed / states,
		   totals_.remapped / states, totals_.most_remaps, totals_.files / states,
		   static_cast<double>(totals_.states) / seconds);
}

int run(const Options &options)
{
	const auto begun = std::chrono::steady_clock::now();
	Checker checker(options);

	if (!options.plan.empty())
		checker.write_plan();
	if (options.cut) {
		checker.check({options.cut, options.seed});
	} else {
		for (const Cut &cut : checker.draw(options.states, options.seed))
			checker.check(cut);
	}
	checker.report(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
	return checker.totals().bad ? 1 : 0;
}

} // namespace

} // namespace dm_remap::crash

int main(int argc, char **argv)
{
	CLI::App app("Composes what power cuts leave of the disks of a journal, and checks each state.");
	dm_remap::crash::Options options;

	app.add_option("--journal", options.journal, "written by dmr_journal_plugin.so")->required();
	app.add_option("--fs", options.fs, "what is on the device")->check(CLI::IsMember({"ext4", "xfs"}));
	app.add_option("--states", options.states, "how many");
	app.add_option("--seed", options.seed, "of the cuts and of what survives; with --cut, of that state");
	app.add_option("--cut", options.cut, "only the state after so many entries");
	app.add_option("--plan", options.plan, "a directory: write there what a machine needs to check states");
	app.add_option("--plan-states", options.plan_states, "how many");
	app.add_option("--scratch", options.scratch, "a directory on a tmpfs");
	app.add_flag("--no-tools", options.no_tools, "without e2fsck and debugfs: the map and the data alone");
	CLI11_PARSE(app, argc, argv);

	try {
		std::filesystem::create_directories(options.scratch += "/dmr-crash." + std::to_string(getpid()));
		const int status = dm_remap::crash::run(options);
		std::filesystem::remove_all(options.scratch);
		return status;
	} catch (const std::exception &e) {
		std::filesystem::remove_all(options.scratch);
		fmt::print(stderr, "dmr_crash_check: {}\n", e.what());
		return 2;
	}
}
