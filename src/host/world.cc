// SPDX-License-Identifier: GPL-2.0
#include "host/world.hh"


#include <algorithm>
#include <cstring>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace dm_remap::host {

BootObject::BootObject() : world_(World::current())
{
	if (!world_) {
		std::fprintf(stderr, "dm_remap::host: locks and workers need a World\n");
		std::abort();
	}
	next_ = world_->objects_;
	if (next_)
		next_->prev_ = this;
	world_->objects_ = this;
	world_->memory().count_object(+1);
}

BootObject::~BootObject()
{
	if (prev_)
		prev_->next_ = next_;
	else
		world_->objects_ = next_;
	if (next_)
		next_->prev_ = prev_;
	world_->memory().count_object(-1);
}

World::World(uint64_t seed)
	: previous_(current_), seed_(seed), random_(seed), disk_random_(random_.fork()), scheduler_(random_.fork()),
	  memory_(std::make_unique<Memory>(random_.next()))
{
	current_ = this;
	scheduler_.on_deadlock = [this](const std::string &who) { violation("deadlock: " + who + " wait for ever"); };
	scheduler_.on_switch = [this](const Fiber &f) { trace("run", f.id()); };
}

World::~World()
{
	drop_boot();
	current_ = previous_;
	if (violations_.empty())
		return;
	for (const std::string &text : violations_)
		std::fprintf(stderr, "dm_remap::host: violation (seed %llu): %s\n",
			     static_cast<unsigned long long>(seed_), text.c_str());
	std::abort();
}

void World::drop_boot()
{
	scheduler_.abandon();
	rcu_.forget();
	while (objects_)
		delete objects_;
	memory_->drop_all();
	persistent_.clear();
	outstanding = 0;
}

Stop World::run()
{
	const Stop stop = scheduler_.run(nullptr);

	if (stop != Stop::Idle || !outstanding)
		return stop;
	violation(std::to_string(outstanding) + " I/Os of users never ended");
	return Stop::Deadlock;
}

Stop World::run_fiber(const char *name, const std::function<void()> &body)
{
	bool over = false;

	spawn(name, [&] {
		body();
		over = true;
	});
	return run_until([&] { return over; });
}

void World::cut_power()
{
	if (!powered_)
		return;
	powered_ = false;
	cut_at_ = 0;
	trace("power cut", io_points_);
	for (PowerConsumer *consumer : consumers_)
		consumer->freeze();
	scheduler_.stop();
}

bool World::enter_disk(dmr_device *dev)
{
	dmr_device_info own, other;

	dev->describe(&own);
	for (dmr_device *entered : entered_) {
		entered->describe(&other);
		if (entered == dev || (own.disk[0] && std::strcmp(own.disk, other.disk) == 0))
			return false;
	}
	entered_.push_back(dev);
	return true;
}

void World::reboot()
{
	cut_power();
	drop_boot();
	entered_.clear();
	powered_ = true;
	boots_++;
	scheduler_.advance(1'000'000'000);
	trace("boot", boots_);
}

void World::lose_caches()
{
	cut_power();
	for (PowerConsumer *consumer : consumers_)
		consumer->lose_cache();
	reboot();
}

void World::violation(const std::string &text)
{
	trace("violation");
	violations_.push_back(text);
}

std::vector<std::string> World::take_violations()
{
	return std::exchange(violations_, {});
}

void World::check_no_leaks()
{
	if (rcu_.readers() == 0 && memory_->live() == 0 && memory_->objects() == 0)
		return;
	violation("leak after a clean removal: " + std::to_string(rcu_.readers()) + " readers\n" +
		  memory_->describe_live());
}

void World::trace(const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	constexpr uint64_t prime = 0x100000001b3ull;
	uint64_t h = trace_hash_;

	for (const char *p = what; *p; p++)
		h = (h ^ static_cast<uint8_t>(*p)) * prime;
	for (uint64_t word : {a, b, c}) {
		h = (h ^ (word & 0xffffffff)) * prime;
		h = (h ^ (word >> 32)) * prime;
	}
	trace_hash_ = h;
	if (trace_printer) {
		char line[160];

		std::snprintf(line, sizeof(line), "%12llu %s #%llu: %s %llu %llu %llu",
			      static_cast<unsigned long long>(now()), scheduler_.self().name(),
			      static_cast<unsigned long long>(scheduler_.self().id()), what,
			      static_cast<unsigned long long>(a), static_cast<unsigned long long>(b),
			      static_cast<unsigned long long>(c));
		trace_printer(line);
	}
}

bool World::logged(const std::string &part) const
{
	return std::any_of(logs.begin(), logs.end(),
			   [&](const std::string &line) { return line.find(part) != std::string::npos; });
}

void World::check_may_block(const char *what)
{
	const Fiber &self = scheduler_.self();
	const char *why = nullptr;

	if (scheduler_.in_interrupt())
		why = "in an interrupt (map or end_io)";
	else if (self.rcu_depth)
		why = "inside an RCU section";
	else if (self.spinlocks)
		why = "with a spinlock held";
	if (!why)
		return;
	std::fprintf(stderr, "dm_remap::host (seed %llu): %s called %s\n", static_cast<unsigned long long>(seed_), what, why);
	std::abort();
}

void World::may_block(const char *what)
{
	check_may_block(what);
	scheduler_.maybe_switch();
}

void World::io_point(SimDisk &disk, const DeviceIo &io, IoPhase phase)
{
	if (!changes_disk(io.op))
		return;
	io_points_++;
	if (on_io)
		on_io({disk, io, phase, io_points_});
	if (powered_ && io_points_ == cut_at_)
		cut_power();
}

void World::add_disk(SimDisk *disk, PowerConsumer *consumer)
{
	disks_.push_back(disk);
	consumers_.push_back(consumer);
}

void World::remove_disk(SimDisk *disk)
{
	const auto at = std::find(disks_.begin(), disks_.end(), disk);

	consumers_.erase(consumers_.begin() + (at - disks_.begin()));
	disks_.erase(at);
}

void *World::take_persistent(const std::string &name, size_t size)
{
	const auto it = persistent_.find(name);

	if (it == persistent_.end()) {
		if (memory_->fail_now())
			return nullptr;
		Persistent &p = persistent_[name];
		p.words.resize((size + 7) / 8);
		p.size = size;
		p.users = 1;
		return p.words.data();
	}
	if (size > it->second.size)
		return nullptr;
	it->second.users++;
	return it->second.words.data();
}

void World::give_back_persistent(const std::string &name)
{
	const auto it = persistent_.find(name);

	if (it != persistent_.end() && --it->second.users == 0)
		persistent_.erase(it);
}

} // namespace dm_remap::host
