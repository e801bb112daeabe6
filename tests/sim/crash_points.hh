// SPDX-License-Identifier: GPL-2.0
// Every power cut of a short operation: the power goes at each submission and each completion of a device write or
// flush, and of what was not durable then, every combination of old and new sectors is tried as what the disks hold
// afterwards. The set is assembled again, and each sector is compared with what may be there.
#ifndef DMR_SIM_CRASH_POINTS_HH
#define DMR_SIM_CRASH_POINTS_HH

#include "host/target.hh"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dm_remap::sim {

// What a sector may hold. A version is the byte that fills the sector.
struct Expectation {
	std::set<int> legal = { 0 };
	bool error_legal = false;	// main cannot read it, and nothing else has been acknowledged
	bool remapped = false;		// acknowledged
	bool lost = false;		// its spare is not there, or was forgotten: only an error is legal, or what was written since
	std::optional<int> seen;	// a value once seen is fixed
};

// A device and the oracle that follows what its user was told. Lives through one history.
class History final {
public:
	static constexpr uint64_t main_sectors = 192;

	explicit History(uint64_t seed);

	// Operations of the user, from a fiber. They fail the history (a violation) if their status is not the one expected.
	void create();
	void remove();
	void reload();
	void write(uint64_t sector, uint32_t sectors, int version, uint32_t flags = 0);
	void read_bad(uint64_t sector, uint32_t sectors);
	void flush();
	void make_bad(uint64_t sector, uint32_t sectors);	// main neither reads nor writes them from now on
	void create_two();			// with a second spare behind the first
	void go_on_with_second();		// taken away, and made again without the first
	void forget_first();
	void lose_some_of_first();		// every other block that may live there cannot be read from now on
	void remove_first_by_force();
	void guard(const char *sector, const char *count);	// both jobs to their end
	void unguard();
	void copy_main();			// the device is removed, and what could not be read is zeroes on the copy
	uint64_t commits();
	uint64_t checkpoints();
	void expect_checkpoints(uint64_t n);	// so many have been written, or the scenario shows nothing

	// After a cut and a decision about the disks' content.
	void reboot_and_check();

	host::World world;
	host::SimDisk main;
	host::SimDisk spare, second;
	bool device_was_created = false;
	std::vector<std::string> violations;

private:
	void violation(const std::string &text) { violations.push_back(text); }
	void check_sectors(const char *when);
	void begin_job(const std::vector<std::string> &words);
	bool job_ended() const;
	void run_job(const std::vector<std::string> &words);
	void give_back_all();
	enum class Pool : uint8_t { first, both, second };
	host::TableOptions table();
	bool try_create(bool degraded, bool new_main = false);

	std::unique_ptr<host::MappedDevice> device_;
	Pool pool_ = Pool::first, pool_at_cut_ = Pool::first;
	bool forgotten_ = false, forgotten_at_cut_ = false; // acknowledged
	bool removing_ = false;
	bool copied_ = false;
	bool guards_ = false;
	std::vector<Expectation> oracle_;
	std::vector<Expectation> at_cut_;
	// A fiber's locals own no heap: a power cut does not destroy them.
	std::array<uint8_t, main_sectors * 512> data_;
};

struct Scenario {
	const char *name;
	const char *what;
	std::function<void(History &)> prepare;	// without cuts; not in a fiber
	std::function<void(History &)> act;	// cut at every point
};

const std::vector<Scenario> &scenarios();

struct Totals {
	uint64_t cuts = 0, states = 0, sampled = 0, violations = 0;
};

// Runs one scenario to its end; prints each violation with what is needed to see it again.
void run(const Scenario &scenario, uint64_t seed, uint64_t only_cut, Totals &totals);

} // namespace dm_remap::sim

#endif
