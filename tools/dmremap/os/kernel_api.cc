// SPDX-License-Identifier: GPL-2.0
// kernel_api.h over one thread of an ordinary process: what the product's C++ needs offline.
//
// There is one caller, so locks and RCU sections have nothing to keep apart, and what is freed is free at once. What only a
// running device needs is in unreachable.cc.
#include "os/device.hh"
#include "os/log.hh"

#include <dm_remap/kernel_api.h>

#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/random.h>

namespace {

dm_remap::os::LogCollector *collector;

constexpr size_t page_bytes = 4096;

void log(enum dmr_log_level level, const char *fmt, va_list args)
{
	static const char *const levels[] = {"error", "warning", "info"};
	char text[1024];

	std::vsnprintf(text, sizeof(text), fmt, args);
	const std::string line = dm_remap::os::name_paths(text);

	if (collector)
		collector->lines.push_back(line);
	else
		std::fprintf(stderr, "dmremap: %s: %s\n", levels[level], line.c_str());
}

// A handle that somebody may hold. Nothing is behind it.
template <typename Handle>
Handle *make_handle()
{
	return static_cast<Handle *>(std::malloc(1));
}

} // namespace

namespace dm_remap::os {

LogCollector::LogCollector() : outer_(collector)
{
	collector = this;
}

LogCollector::~LogCollector()
{
	collector = outer_;
}

} // namespace dm_remap::os

/* ---- log ---- */

void dmr_log(struct dmr_instance *, enum dmr_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log(level, fmt, args);
	va_end(args);
}

void dmr_log_later(struct dmr_instance *, enum dmr_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log(level, fmt, args);
	va_end(args);
}

/* ---- memory ---- */

void *dmr_alloc(size_t bytes)
{
	return std::calloc(1, bytes);
}

void dmr_free(void *p)
{
	std::free(p);
}

void dmr_free_rcu(void *p)
{
	std::free(p);
}

void dmr_rcu_synchronize(void)
{
}

void dmr_rcu_read_lock(void)
{
}

void dmr_rcu_read_unlock(void)
{
}

void *dmr_io_buffer_alloc(size_t bytes)
{
	const size_t whole = (bytes + page_bytes - 1) / page_bytes * page_bytes;
	void *p = std::aligned_alloc(page_bytes, whole);

	return p ? std::memset(p, 0, whole) : nullptr;
}

void dmr_io_buffer_free(void *p, size_t)
{
	std::free(p);
}

/* ---- time, chance; checksums are those of src/host ---- */

uint64_t dmr_now_ns(void)
{
	return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

uint64_t dmr_wall_seconds(void)
{
	return static_cast<uint64_t>(std::time(nullptr));
}

void dmr_random_bytes(void *out, size_t n)
{
	// UUIDs are of few bytes: the kernel gives those at once or not at all.
	if (getrandom(out, n, 0) != static_cast<ssize_t>(n)) {
		std::fprintf(stderr, "dmremap: no random bytes are to be had\n");
		std::abort();
	}
}

/* ---- locks ---- */

struct dmr_mutex *dmr_mutex_create(const char *)
{
	return make_handle<dmr_mutex>();
}

void dmr_mutex_destroy(struct dmr_mutex *m)
{
	std::free(m);
}

void dmr_mutex_lock(struct dmr_mutex *)
{
}

void dmr_mutex_unlock(struct dmr_mutex *)
{
}

struct dmr_spinlock *dmr_spinlock_create(const char *)
{
	return make_handle<dmr_spinlock>();
}

void dmr_spinlock_destroy(struct dmr_spinlock *l)
{
	std::free(l);
}

unsigned long dmr_spin_lock(struct dmr_spinlock *)
{
	return 0;
}

void dmr_spin_unlock(struct dmr_spinlock *, unsigned long)
{
}

struct dmr_cond *dmr_cond_create(const char *)
{
	return make_handle<dmr_cond>();
}

void dmr_cond_destroy(struct dmr_cond *c)
{
	std::free(c);
}

// Nobody waits.
void dmr_cond_wake_all(struct dmr_cond *)
{
}

/* ---- devices ---- */

void dmr_device_describe(struct dmr_device *dev, struct dmr_device_info *out)
{
	dev->describe(*out);
}

// fdatasync() after a write with FUA is a flush of its own.
bool dmr_device_flushes_for_fua(struct dmr_device *)
{
	return true;
}

dmr_status dmr_device_read(struct dmr_device *dev, uint64_t sector, void *data, uint32_t sectors)
{
	return dev->read(sector, data, sectors);
}

dmr_status dmr_device_write(struct dmr_device *dev, uint64_t sector, const void *data, uint32_t sectors, uint32_t flags)
{
	return dev->write(sector, data, sectors, flags);
}

dmr_status dmr_device_flush(struct dmr_device *dev)
{
	return dev->flush();
}
