// SPDX-License-Identifier: GPL-2.0
// The drain protocol that the kernel runs, with real threads, under ThreadSanitizer. Each reader "sends out" I/O that
// touches plain memory of its own; the drainer takes the range, drains, and then touches all of that memory. Were an I/O
// that began before the range was taken not waited for, or one that began after it not held back, the two would race.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace {

constexpr unsigned int reader_count = 3;

// A reader's section is odd while it is inside.
struct alignas(64) Reader {
	std::atomic<uint64_t> section{ 0 };
	std::atomic<long> counts[2] = { 0, 0 };
	uint64_t data = 0; // what its I/O writes
};
Reader readers[reader_count];
thread_local Reader *self;

} // namespace

struct dmr_inflight {
	unsigned int epoch = 0, draining = 0;
	std::mutex lock;
	std::condition_variable idle;
};

static unsigned int dmr_if_load(const unsigned int *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static unsigned int dmr_if_load_acquire(const unsigned int *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static void dmr_if_store(unsigned int *p, unsigned int v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static void dmr_if_store_release(unsigned int *p, unsigned int v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
// A count promises no ordering: others see it as late as that allows, at the end of the section. x86 by itself would
// show it at once, and never need the grace period.
thread_local int counted = -1;

static void dmr_if_section_begin() { self->section.fetch_add(1); }
static void dmr_if_section_end()
{
	std::this_thread::yield();
	if (counted >= 0)
		self->counts[counted].fetch_add(1, std::memory_order_relaxed);
	counted = -1;
	self->section.fetch_add(1);
}
static void dmr_if_inc(dmr_inflight *, unsigned int epoch)
{
	std::this_thread::yield();
	counted = int(epoch);
}
static void dmr_if_dec_release(dmr_inflight *, unsigned int epoch)
{
	self->counts[epoch].fetch_sub(1, std::memory_order_release);
}

static void dmr_if_grace()
{
	for (Reader &reader : readers) {
		uint64_t seen = reader.section.load();

		while (seen % 2 == 1 && reader.section.load() == seen)
			std::this_thread::yield();
	}
}

static long dmr_if_sum_acquire(dmr_inflight *, unsigned int epoch)
{
	long sum = 0;

	for (Reader &reader : readers)
		sum += reader.counts[epoch].load(std::memory_order_acquire);
	return sum;
}

static void dmr_if_wake(dmr_inflight *f)
{
	std::lock_guard guard(f->lock);

	f->idle.notify_all();
}

static uint64_t now_ns()
{
	return uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
}

static bool dmr_if_wait_idle(dmr_inflight *f, unsigned int epoch, uint64_t deadline)
{
	std::unique_lock guard(f->lock);

	while (dmr_if_sum_acquire(f, epoch) != 0) {
		if (now_ns() >= deadline)
			return false;
		f->idle.wait_for(guard, std::chrono::nanoseconds(deadline - now_ns()));
	}
	return true;
}

#include "shim/inflight_protocol.h"

namespace {

constexpr uint64_t a_minute = 60'000'000'000ull;

struct Shared {
	dmr_inflight inflight;
	unsigned int taken = 0;
	std::atomic<bool> stop{ false };
	std::atomic<uint64_t> sent{ 0 }, held{ 0 };
};

void read_and_write(Shared &s, Reader &me)
{
	self = &me;
	while (!s.stop) {
		dmr_if_section_begin();
		unsigned int epoch = dmr_inflight_enter(&s.inflight);
		bool held = dmr_if_load_acquire(&s.taken); // pairs with the release of the range
		dmr_if_section_end();
		if (!held) {
			std::this_thread::yield();
			me.data++; // the I/O: long after the section
		}
		dmr_inflight_leave(&s.inflight, epoch);
		(held ? s.held : s.sent)++;
	}
}

TEST(InflightThreads, AfterADrainTheRangeIsTheDrainersAlone)
{
	Shared s;
	std::vector<std::thread> threads;
	uint64_t drained = 0;

	for (Reader &reader : readers)
		threads.emplace_back(read_and_write, std::ref(s), std::ref(reader));
	while (drained < 500) {
		dmr_if_store(&s.taken, 1);
		ASSERT_TRUE(dmr_inflight_drain_one(&s.inflight, now_ns() + a_minute));
		for (Reader &reader : readers)
			reader.data += 1000; // races with any I/O that was not waited for
		drained++;
		dmr_if_store_release(&s.taken, 0);
		uint64_t before = s.sent;
		while (s.sent < before + 3)
			std::this_thread::yield();
	}
	s.stop = true;
	for (std::thread &thread : threads)
		thread.join();
	EXPECT_GT(s.held, 0u) << "no I/O ever met the range, so that nothing was shown";
	uint64_t sum = 0;
	for (Reader &reader : readers)
		sum += reader.data;
	EXPECT_EQ(sum, s.sent + 1000 * reader_count * drained);
	EXPECT_EQ(dmr_if_sum_acquire(&s.inflight, 0), 0);
	EXPECT_EQ(dmr_if_sum_acquire(&s.inflight, 1), 0);
}

TEST(InflightThreads, ADrainThatGaveUpIsMadeUpForByTheNext)
{
	Shared s;

	self = &readers[0];
	dmr_if_section_begin();
	unsigned int epoch = dmr_inflight_enter(&s.inflight);
	dmr_if_section_end();
	EXPECT_FALSE(dmr_inflight_drain_one(&s.inflight, now_ns()));
	EXPECT_FALSE(dmr_inflight_drain_one(&s.inflight, now_ns())) << "it is still under way, in an epoch not the current one";
	dmr_inflight_leave(&s.inflight, epoch);
	EXPECT_TRUE(dmr_inflight_drain_one(&s.inflight, now_ns() + a_minute));
}

} // namespace
