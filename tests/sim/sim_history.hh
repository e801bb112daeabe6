// SPDX-License-Identifier: GPL-2.0
// One history: a device over simulated disks, its users and its administrator, from the first table to the last removal,
// with power cuts between. All that happens follows from the seed.
//
// The main context runs boots, one after the other. In each a fiber, the administrator, makes the device, checks it as a
// whole, lets the users go (a fiber each), and does to it whatever administrators and failing disks do, until the power
// goes or the users have had enough. A cut abandons fibers, so that what they need is kept here and not in their locals.
#ifndef DMR_SIM_HISTORY_HH
#define DMR_SIM_HISTORY_HH

#include "sim_faults.hh"
#include "sim_judge.hh"
#include "sim_plan.hh"
#include "sim_points.hh"

#include <memory>

namespace dm_remap::sim {

struct Totals {
	uint64_t histories = 0, steps = 0, power_cuts = 0, faults = 0, allocation_failures = 0, violations = 0;
	Points points;

	void add(const Totals &other);
};

class SimHistory final {
public:
	SimHistory(uint64_t seed, uint32_t steps);

	// Step by step to standard output.
	void print_all();
	void run(Totals &totals);

	const std::vector<std::string> &violations() const { return violations_; }
	uint64_t trace_hash() const { return world_.trace_hash(); }
	const std::vector<std::string> &logs() const { return world_.logs; }

private:
	struct User {
		Request request;
		std::vector<uint8_t> data;
		bool active = false;
	};
	enum class Gate : uint8_t { open, closed };

	// sim_history.cc
	void boot();
	void after_cut();
	void note_torn(host::SimDisk &disk, const std::function<void()> &decide);
	void last_check();
	void violation(const std::string &text);
	void note(const char *what, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) { world_.trace(what, a, b, c); }

	// sim_users.cc; in their fibers
	void start_users();
	void user(User &u);
	void draw_request(User &u);
	void draw_place(host::UserIo &io);
	void perform(User &u);
	void tell(const Request &r, const char *what);
	void ended(User &u);
	bool users_idle() const { return active_users_ == 0; }
	void check_read(User &u);

	// sim_admin.cc; in the administrator's fiber
	void administrate();
	void one_action();
	bool start_device(const char *what);
	bool create();
	bool resume();
	void reload();
	void load_anew();
	void suspend_and_resume();
	void change_pool();
	bool change_is_over();
	void settle_change();
	void add_spare();
	void remove_spare();
	uint64_t lost_sectors();
	void forget_spare(host::SimDisk *spare);
	uint64_t draw_spot(uint64_t size);
	void by_hand();
	bool job_runs();
	void patrol();
	void watch_patrol();
	void see_job(Point moved);
	bool guarded();
	void guard();
	void unguard();
	void check_guard();
	std::string told_of(const host::SimDisk &spare, const char *what);
	std::string state_of(const host::SimDisk &spare);
	bool without_in_between();
	void leave_out(host::SimDisk *spare);
	void bring_back();
	void restart();
	void ask();
	void remove();
	void check_device(const char *when, bool all_healthy);
	void pause(uint64_t most_ns);
	void wait_for_users();
	void close_gate();
	void open_gate();
	host::TableOptions &table();
	void draw_options();
	bool excuse_for_admin(uint64_t errors_before, uint64_t failures_before) const;
	uint64_t spare_errors() const;
	void heal_spares();
	void watch();

	const Plan plan_;
	host::World world_;
	host::Random random_;	// users and administrator
	host::SimDisk main_;
	std::vector<std::unique_ptr<host::SimDisk>> spares_;
	Oracle oracle_;
	Judge judge_;
	Faults faults_;
	Points points_;
	std::unique_ptr<host::MappedDevice> device_;
	host::TableOptions table_;
	std::vector<host::SimDisk *> pool_;	// the spares that the next table names
	host::SimDisk *missing_ = nullptr;	// the table says "-" for it
	std::vector<host::DiskContent> before_;
	host::SimDisk *in_between_ = nullptr;	// one that is being added or removed
	bool forget_in_doubt_ = false;	// forgotten, and the metadata failed
	std::vector<User> users_;
	User checker_;
	std::vector<std::string> violations_;

	// Sectors of main that could neither be read nor written when the pass began, and the fault that each had.
	std::vector<std::pair<uint64_t, uint64_t>> bad_at_start_;
	uint64_t pass_begun_ = 0;	// wall seconds; 0: there is none that is watched
	uint64_t sectors_ = 0;	// of the next table
	uint32_t read_retries_ = 0;	// of it
	uint64_t think_ns_ = 0;	// a user's pauses, at most
	uint64_t steps_done_ = 0, quota_ = 0, power_cuts_ = 0;
	uint32_t active_users_ = 0, boots_left_ = 0;
	Gate gate_ = Gate::open;
	host::WaitQueue gate_opens_, users_end_, request_ends_;
	uint64_t ended_ = 0;	// requests
	bool made_ = false;	// the device was resumed once, in any boot
	bool admin_over_ = false, serving_ = false;
	bool restart_failed_ = false;
};

} // namespace dm_remap::sim

#endif
