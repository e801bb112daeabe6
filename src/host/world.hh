// SPDX-License-Identifier: GPL-2.0
// Everything round an engine: clock, chance, disks, memory, scheduler, power. One at a time is current; the functions of
// kernel_api.h act on it.
//
// Three contexts. A fiber may block, and a power cut ends it there. The main context (the test itself) may block too:
// then it runs the fibers and lets time pass until it can go on; after a power cut its I/O fails. An interrupt (the
// completion of an I/O, a timer) must not block.
#ifndef DMR_HOST_WORLD_HH
#define DMR_HOST_WORLD_HH

#include "dm_remap/kernel_api.h"
#include "host/device.hh"
#include "host/memory.hh"
#include "host/random.hh"
#include "host/rcu.hh"
#include "host/scheduler.hh"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dm_remap::host {

class SimDisk;
class World;

// What a World deletes when the power goes: locks, conditions, sets of workers.
struct BootObject {
	BootObject();
	virtual ~BootObject();
	BootObject(const BootObject &) = delete;
	BootObject &operator=(const BootObject &) = delete;

private:
	friend class World;
	World *world_;
	BootObject *prev_ = nullptr, *next_ = nullptr;
};

// What hears of the power: a disk.
struct PowerConsumer {
	// The power has gone: what is in flight may have reached the medium, and nobody will hear of it.
	virtual void freeze() = 0;
	// Nothing is left of what was not flushed.
	virtual void lose_cache() = 0;

protected:
	~PowerConsumer() = default;
};

// A device operation that changes a disk is announced twice: when it has been submitted, and when it has been performed
// and its submitter does not know it yet.
enum class IoPhase { Submitted, Performed };
struct IoPoint {
	SimDisk &disk;
	const DeviceIo &io;
	IoPhase phase;
	uint64_t number;	// counts these points since the World began
};

class World final {
public:
	explicit World(uint64_t seed = 1);
	~World();
	World(const World &) = delete;
	World &operator=(const World &) = delete;

	static World *current() { return current_; }

	uint64_t seed() const { return seed_; }
	uint64_t now() const { return scheduler_.now(); }
	// For the test's own draws; the World's inner draws come from other streams.
	Random &random() { return random_; }
	Random &disk_random() { return disk_random_; }
	Scheduler &scheduler() { return scheduler_; }
	Memory &memory() { return *memory_; }
	Rcu &rcu() { return rcu_; }

	// ---- running; from the main context ----
	void spawn(const char *name, std::function<void()> body) { scheduler_.spawn(name, std::move(body)); }
	// Until nothing is left to do. A user's I/O that has not ended then is a violation, as a deadlock is.
	Stop run();
	Stop run_until(const std::function<bool()> &done) { return scheduler_.run(&done); }
	// Run body in a fiber, and all else with it, until it has returned.
	Stop run_fiber(const char *name, const std::function<void()> &body);

	// How many workers of one set may run at the same time; 0: all.
	uint32_t worker_limit = 0;
	// How much of the wall clock's seconds lie before the World's zero.
	uint64_t wall_epoch = 1'700'000'000;

	// ---- power ----
	bool powered() const { return powered_; }
	// Now. In a fiber this does not return.
	void cut_power();
	// At the k-th IoPoint from now (1: the next). 0: not at all.
	void cut_after(uint64_t k) { cut_at_ = k ? io_points_ + k : 0; }
	uint64_t io_points() const { return io_points_; }
	// Called at every IoPoint; may call cut_power(), must not block.
	std::function<void(const IoPoint &)> on_io;
	// Called for every I/O, reads too, when a disk has performed it (see io.status) and nobody knows it yet.
	std::function<void(SimDisk &, const DeviceIo &)> on_performed;
	uint64_t drains_waited = 0;	// dmr_drain() calls that found I/O in flight
	// After a cut, when the disks' contents have been decided: all fibers and memory of the boot are dropped, the
	// power is on again.
	void reboot();
	// A cut that takes whatever no flush has covered, and a reboot.
	void lose_caches();
	uint32_t boots() const { return boots_; }

	// ---- what was seen ----
	void violation(const std::string &text);
	// Unread violations abort the program when the World ends.
	std::vector<std::string> take_violations();
	bool has_violations() const { return !violations_.empty(); }
	// Memory or objects that are live now, which after a clean removal is a violation.
	void check_no_leaks();

	// Goes into the hash, and to the printer if there is one.
	void trace(const char *what, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0);
	uint64_t trace_hash() const { return trace_hash_; }
	std::function<void(const std::string &)> trace_printer;

	std::vector<std::string> logs;
	// Lines beyond so many are dropped.
	size_t max_logs = 10'000;
	// One of the lines contains this.
	bool logged(const std::string &part) const;

	// ---- for the host's own parts ----
	// As dmr_disk_enter() and so on.
	bool enter_disk(dmr_device *dev);
	void leave_disk(dmr_device *dev) { std::erase(entered_, dev); }
	// A call that may block begins: checks the context, may switch.
	void may_block(const char *what);
	void check_may_block(const char *what);
	void io_point(SimDisk &disk, const DeviceIo &io, IoPhase phase);
	void add_disk(SimDisk *disk, PowerConsumer *consumer);
	void remove_disk(SimDisk *disk);
	const std::vector<SimDisk *> &disks() const { return disks_; }
	// Requests given to a Target and not ended: none may be left when nothing can run.
	int64_t outstanding = 0;
	// Of a mapped device: dmr_instance_persistent(). Lost at a reboot, and when as many have given it back as took it.
	void *take_persistent(const std::string &name, size_t size);
	void give_back_persistent(const std::string &name);

private:
	friend struct BootObject;

	void drop_boot();

	static inline constinit World *current_ = nullptr;

	World *previous_;
	uint64_t seed_;
	Random random_, disk_random_;
	Scheduler scheduler_;
	std::unique_ptr<Memory> memory_;
	Rcu rcu_;
	std::vector<SimDisk *> disks_;
	std::vector<PowerConsumer *> consumers_; // the same, in the same order
	std::vector<dmr_device *> entered_;
	BootObject *objects_ = nullptr;
	struct Persistent {
		std::vector<uint64_t> words;
		size_t size = 0;
		uint32_t users = 0;
	};
	std::map<std::string, Persistent> persistent_;
	std::vector<std::string> violations_;
	uint64_t io_points_ = 0, cut_at_ = 0, trace_hash_ = 0xcbf29ce484222325ull;
	uint32_t boots_ = 1;
	bool powered_ = true;
};

} // namespace dm_remap::host

#endif
