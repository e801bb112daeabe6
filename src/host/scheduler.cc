// SPDX-License-Identifier: GPL-2.0
#include "host/scheduler.hh"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace dm_remap::host {

namespace {

// What a turn of a fiber costs in virtual time, so that nobody who polls stands still.
constexpr uint64_t turn_ns = 100;
// An event may overtake fibers that could run if it is no further away than this: a busy machine. Deadlines of seconds
// pass only when all wait.
constexpr uint64_t overtake_ns = 200'000;

} // namespace

void WaitQueue::append(Fiber *f)
{
	Fiber **link = &first_;

	while (*link)
		link = &(*link)->next_waiting_;
	f->next_waiting_ = nullptr;
	*link = f;
}

void WaitQueue::remove(Fiber *f)
{
	Fiber **link = &first_;

	while (*link && *link != f)
		link = &(*link)->next_waiting_;
	if (*link)
		*link = f->next_waiting_;
}

Scheduler::Scheduler(Random random) : random_(random)
{
	main_.scheduler_ = this;
	main_.state_ = Fiber::State::Running;
}

Scheduler::~Scheduler()
{
	abandon();
}

Fiber &Scheduler::spawn(const char *name, std::function<void()> body)
{
	if (free_.empty()) {
		fibers_.push_back(std::make_unique<Fiber>());
		free_.push_back(fibers_.back().get());
	}
	Fiber &f = *free_.back();
	free_.pop_back();

	f.scheduler_ = this;
	f.name_ = name;
	f.id_ = ++fibers_so_far_;
	f.rcu_depth = f.spinlocks = 0;
	f.body_ = std::move(body);
	f.stack_ = Stack::take();
	if (measure_)
		f.stack_.paint();
	f.context_.prepare(f.stack_, &Scheduler::entry, &f);
	make_runnable(f);
	return f;
}

void Scheduler::entry(void *p)
{
	Fiber &f = *static_cast<Fiber *>(p);

	f.context_.entered();
	f.body_();
	f.state_ = Fiber::State::Free;
	f.scheduler_->to_scheduler(true);
	__builtin_unreachable();
}

void Scheduler::at(uint64_t time, std::function<void()> f)
{
	events_.push_back({std::max(time, now_), ++events_so_far_, std::move(f)});
	std::push_heap(events_.begin(), events_.end(), Later());
}

void Scheduler::make_runnable(Fiber &f)
{
	f.state_ = Fiber::State::Runnable;
	if (&f != &main_)
		runnable_.push_back(&f);
}

void Scheduler::to_scheduler(bool final)
{
	main_.context_.enter_from(running_->context_, final);
}

void Scheduler::resume(Fiber &f)
{
	now_ += turn_ns;
	f.state_ = Fiber::State::Running;
	running_ = &f;
	if (on_switch)
		on_switch(f);
	f.context_.enter_from(main_.context_);
	running_ = &main_;
	if (f.state_ == Fiber::State::Free)
		retire(f);
}

void Scheduler::retire(Fiber &f)
{
	if (measure_)
		deepest_ = std::max(deepest_, f.stack_.deepest());
	Stack::give_back(f.stack_);
	f.stack_ = Stack();
	f.state_ = Fiber::State::Free;
	f.body_ = nullptr;
	f.ticket_++;
	free_.push_back(&f);
}

void Scheduler::maybe_switch()
{
	if (!in_fiber() || interrupt_)
		return;
	if (switch_one_in_ > 1 && random_.below(switch_one_in_))
		return;
	make_runnable(*running_);
	to_scheduler();
}

void Scheduler::maybe_stall()
{
	if (in_fiber() && !interrupt_ && random_.below(64) == 0)
		sleep(random_.below(20'000'000));
	else
		maybe_switch();
}

void Scheduler::sleep(uint64_t ns)
{
	wait_in(nullptr, now_ + ns);
}

bool Scheduler::wait_in(WaitQueue *queue, uint64_t deadline)
{
	Fiber &f = *running_;
	const uint64_t ticket = ++f.ticket_;

	f.timed_out_ = false;
	f.queue_ = queue;
	f.state_ = Fiber::State::Waiting;
	if (queue)
		queue->append(&f);
	if (deadline != never) {
		Fiber *p = &f;
		at(deadline, [p, ticket] {
			if (p->ticket_ != ticket || p->state_ != Fiber::State::Waiting)
				return;
			if (p->queue_)
				p->queue_->remove(p);
			p->timed_out_ = true;
			p->scheduler_->waiting_--;
			p->scheduler_->make_runnable(*p);
		});
	}
	waiting_++;
	if (in_fiber()) {
		to_scheduler();
		return !f.timed_out_;
	}

	const std::function<bool()> woken = [&f] { return f.state_ != Fiber::State::Waiting; };
	const Stop stop = run(&woken);
	f.state_ = Fiber::State::Running;
	if (stop == Stop::Done)
		return !f.timed_out_;
	waiting_--;
	if (queue)
		queue->remove(&f);
	if (stop == Stop::PowerCut)
		return false;
	std::fprintf(stderr, "dm_remap::host: the main context waits for ever\n");
	std::abort();
}

void Scheduler::wake_all(WaitQueue &queue)
{
	while (Fiber *f = queue.first_) {
		queue.first_ = f->next_waiting_;
		waiting_--;
		make_runnable(*f);
	}
}

void Scheduler::fire()
{
	std::pop_heap(events_.begin(), events_.end(), Later());
	Event event = std::move(events_.back());
	events_.pop_back();
	now_ = std::max(now_, event.time);
	interrupt_ = true;
	event.f();
	interrupt_ = false;
}

// One turn of a fiber or one event; false if there is neither.
bool Scheduler::step()
{
	if (runnable_.empty() && events_.empty())
		return false;
	if (runnable_.empty() ||
	    (!events_.empty() && events_.front().time <= now_ + overtake_ns && random_.below(4) == 0)) {
		fire();
		return true;
	}
	const size_t k = runnable_.size() > 1 ? random_.below(runnable_.size()) : 0;
	Fiber *f = runnable_[k];
	runnable_[k] = runnable_.back();
	runnable_.pop_back();
	resume(*f);
	return true;
}

Stop Scheduler::run(const std::function<bool()> *done)
{
	if (in_fiber() || interrupt_) {
		std::fprintf(stderr, "dm_remap::host: run() is for the main context\n");
		std::abort();
	}
	for (;;) {
		if (stopped_)
			return Stop::PowerCut;
		if (done && (*done)())
			return Stop::Done;
		if (step())
			continue;
		if (!waiting_)
			return Stop::Idle;
		if (on_deadlock)
			on_deadlock(describe_waiting());
		return Stop::Deadlock;
	}
}

void Scheduler::stop()
{
	stopped_ = true;
	if (in_fiber() && !interrupt_) {
		running_->state_ = Fiber::State::Waiting;
		to_scheduler();
		__builtin_unreachable();
	}
}

void Scheduler::abandon()
{
	for (auto &f : fibers_) {
		if (f->state_ != Fiber::State::Free)
			retire(*f);
	}
	runnable_.clear();
	events_.clear();
	waiting_ = 0;
	stopped_ = false;
	main_.rcu_depth = main_.spinlocks = 0;
}

std::string Scheduler::describe_waiting() const
{
	std::string text;

	for (const auto &f : fibers_) {
		if (f->state_ == Fiber::State::Waiting) {
			text += text.empty() ? "" : ", ";
			text += std::string(f->name_) + " #" + std::to_string(f->id_);
		}
	}
	if (main_.state_ == Fiber::State::Waiting)
		text += text.empty() ? "main" : ", main";
	return text;
}

} // namespace dm_remap::host
