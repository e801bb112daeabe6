// SPDX-License-Identifier: GPL-2.0
// One thread, many fibers, virtual time. Who runs next is drawn from the seed.
#ifndef DMR_HOST_SCHEDULER_HH
#define DMR_HOST_SCHEDULER_HH

#include "host/fiber.hh"
#include "host/random.hh"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dm_remap::host {

class Scheduler;

// A thread of execution: a fiber, or the main context (the program itself, which runs the scheduler when it waits).
class Fiber final {
public:
	const char *name() const { return name_; }
	uint64_t id() const { return id_; }

	// Kept by Rcu and the spinlocks: a switch with any of these is a violation.
	uint32_t rcu_depth = 0;
	uint64_t rcu_ticket = 0;
	uint32_t spinlocks = 0;

private:
	friend class Scheduler;
	friend class WaitQueue;

	enum class State { Free, Runnable, Running, Waiting };

	Scheduler *scheduler_ = nullptr;
	const char *name_ = "main";
	uint64_t id_ = 0;
	uint64_t ticket_ = 0;	// of its latest wait, so that a late timer finds nobody
	State state_ = State::Free;
	bool timed_out_ = false;
	class WaitQueue *queue_ = nullptr;
	Fiber *next_waiting_ = nullptr;
	Context context_;
	Stack stack_;
	std::function<void()> body_;
};

// Owns nothing: may live on a fiber's stack, which a power cut abandons.
class WaitQueue final {
public:
	bool empty() const { return first_ == nullptr; }

private:
	friend class Scheduler;

	void append(Fiber *f);
	void remove(Fiber *f);

	Fiber *first_ = nullptr;
};

enum class Stop {
	Idle,		// nothing is left to do
	Done,		// what run_until() waited for is true
	PowerCut,
	Deadlock,	// somebody waits, and nothing can wake him; reported as a violation too
};

class Scheduler final {
public:
	static constexpr uint64_t never = ~uint64_t(0);

	explicit Scheduler(Random random);
	~Scheduler();
	Scheduler(const Scheduler &) = delete;
	Scheduler &operator=(const Scheduler &) = delete;

	uint64_t now() const { return now_; }
	void advance(uint64_t ns) { now_ += ns; }

	// name must outlive the fiber. The body's locals are not destroyed if the power goes: let them own nothing.
	Fiber &spawn(const char *name, std::function<void()> body);
	// Call f at this time, as an interrupt would be: f must not block.
	void at(uint64_t time, std::function<void()> f);

	Fiber &self() { return *running_; }
	bool in_fiber() const { return running_ != &main_; }
	bool in_interrupt() const { return interrupt_; }

	// The running fiber lets others go first, or not. Nothing in the main context.
	void maybe_switch();
	// The same, and now and then for up to 20 ms: a hypervisor may take the CPU away.
	void maybe_stall();
	// Let others run and time pass.
	void sleep(uint64_t ns);
	// False: the deadline has passed; or the power has gone (main context only: a fiber does not return then).
	bool wait(WaitQueue &queue, uint64_t deadline = never) { return wait_in(&queue, deadline); }
	void wake_all(WaitQueue &queue);

	// From the main context. done nullptr: until nothing is left to do.
	Stop run(const std::function<bool()> *done);

	// The power has gone: run() returns, from a fiber or an interrupt this does not.
	void stop();
	bool stopped() const { return stopped_; }
	// Every fiber, timer and waiter is forgotten; stop() is over. From the main context.
	void abandon();

	uint64_t waiting() const { return waiting_; }
	std::string describe_waiting() const;

	// A switch point switches in one of so many cases.
	void set_switch_one_in(uint32_t n) { switch_one_in_ = n; }
	void set_measure_stacks(bool on) { measure_ = on; }
	size_t deepest_stack() const { return deepest_; }

	// Called when nothing can run and somebody waits.
	std::function<void(const std::string &)> on_deadlock;
	// Called whenever the running thread changes.
	std::function<void(const Fiber &)> on_switch;

private:
	struct Event {
		uint64_t time, number;
		std::function<void()> f;
	};
	struct Later {
		bool operator()(const Event &a, const Event &b) const
		{
			return a.time != b.time ? a.time > b.time : a.number > b.number;
		}
	};

	bool wait_in(WaitQueue *queue, uint64_t deadline);
	static void entry(void *fiber);
	void to_scheduler(bool final = false);
	void resume(Fiber &f);
	void fire();
	void make_runnable(Fiber &f);
	void retire(Fiber &f);
	bool step();

	Random random_;
	uint64_t now_ = 1'000'000;
	uint64_t events_so_far_ = 0, fibers_so_far_ = 0, waiting_ = 0;
	Fiber main_;
	Fiber *running_ = &main_;
	bool interrupt_ = false, stopped_ = false, measure_ = false;
	uint32_t switch_one_in_ = 2;
	size_t deepest_ = 0;
	std::vector<std::unique_ptr<Fiber>> fibers_;
	std::vector<Fiber *> free_, runnable_;
	std::vector<Event> events_; // a heap
};

} // namespace dm_remap::host

#endif
