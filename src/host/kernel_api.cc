// SPDX-License-Identifier: GPL-2.0
// The functions of kernel_api.h that are neither locks nor workers.
#include "host/instance.hh"
#include "host/request.hh"
#include "host/world.hh"

#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <vector>

using dm_remap::host::DeviceIo;
using dm_remap::host::Memory;
using dm_remap::host::Random;
using dm_remap::host::WaitQueue;
using dm_remap::host::World;

namespace {

// What serves allocations where there is no World: tools, and tests with real threads.
struct Process {
	std::mutex lock;
	Memory memory{0};
	Random random{0};
	std::vector<void *> deferred;
};

Process &process()
{
	static Process p;
	return p;
}

} // namespace

void dm_remap::host::free_deferred()
{
	Process &p = process();
	const std::lock_guard guard(p.lock);

	for (void *freed : p.deferred)
		Memory::release(freed);
	p.deferred.clear();
}

/* ---- log, events ---- */

static void log_line(const dmr_instance *inst, dmr_log_level level, const char *fmt, va_list args)
{
	static const char *const levels[] = {"error", "warning", "info"};
	char text[1024];

	std::vsnprintf(text, sizeof(text), fmt, args);
	std::string line = std::string(levels[level]) + ": " + (inst ? inst->name + ": " : "") + text;
	while (!line.empty() && line.back() == '\n')
		line.pop_back();

	World *world = World::current();
	if (!world) {
		std::fprintf(stderr, "%s\n", line.c_str());
		return;
	}
	if (world->trace_printer)
		world->trace_printer("log " + line);
	if (world->logs.size() < world->max_logs)
		world->logs.push_back(std::move(line));
}

void dmr_log(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...)
{
	va_list args;

	if (World *world = World::current(); world && inst)
		world->may_block("dmr_log");
	va_start(args, fmt);
	log_line(inst, level, fmt, args);
	va_end(args);
}

// Nobody changes names here, so it need not wait.
void dmr_log_later(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(inst, level, fmt, args);
	va_end(args);
}

void dmr_event(struct dmr_instance *inst, enum dmr_event_kind kind)
{
	if (inst)
		inst->events[kind]++;
	if (World *world = World::current())
		world->trace("event", kind);
}

/* ---- memory ---- */

void *dmr_alloc(size_t bytes)
{
	if (World *world = World::current()) {
		world->may_block("dmr_alloc");
		return world->memory().allocate(bytes);
	}
	const std::lock_guard guard(process().lock);
	return process().memory.allocate(bytes);
}

void dmr_free(void *p)
{
	if (World *world = World::current()) {
		if (p && world->scheduler().in_interrupt())
			world->violation("dmr_free in an interrupt");
		Memory::release(p);
		return;
	}
	const std::lock_guard guard(process().lock);
	Memory::release(p);
}

void dmr_rcu_synchronize(void)
{
	if (World *world = World::current()) {
		world->may_block("rcu_synchronize");
		world->rcu().synchronize(world->scheduler());
	}
}

void dmr_free_rcu(void *p)
{
	if (!p)
		return;
	if (World *world = World::current()) {
		std::memset(p, 0xdd, 16);
		world->rcu().free_later(p);
		return;
	}
	// Not overwritten: ThreadSanitizer would report the readers that the contract allows.
	const std::lock_guard guard(process().lock);
	process().deferred.push_back(p);
}

void *dmr_io_buffer_alloc(size_t bytes)
{
	if (World *world = World::current()) {
		world->may_block("dmr_io_buffer_alloc");
		return world->memory().allocate_buffer(bytes);
	}
	const std::lock_guard guard(process().lock);
	return process().memory.allocate_buffer(bytes);
}

void dmr_io_buffer_free(void *p, size_t bytes)
{
	if (World *world = World::current()) {
		world->memory().release_buffer(p, bytes);
		return;
	}
	const std::lock_guard guard(process().lock);
	process().memory.release_buffer(p, bytes);
}

/* ---- time, chance ---- */

uint64_t dmr_now_ns(void)
{
	if (World *world = World::current())
		return world->now();
	return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

uint64_t dmr_wall_seconds(void)
{
	if (World *world = World::current())
		return world->wall_epoch + world->now() / 1'000'000'000;
	return static_cast<uint64_t>(std::time(nullptr));
}

void dmr_random_bytes(void *out, size_t n)
{
	if (World *world = World::current()) {
		world->disk_random().fill(out, n);
		return;
	}
	const std::lock_guard guard(process().lock);
	process().random.fill(out, n);
}

/* ---- devices ---- */

namespace {

struct Sync {
	WaitQueue waiting;
	bool over = false;
};

// Submit, and wait for the end.
dmr_status perform(dmr_device *dev, enum dmr_op op, uint64_t sector, void *data, uint32_t sectors, uint32_t flags,
		   const void *user = nullptr, uint64_t user_sector = 0)
{
	World *world = World::current();
	Sync sync;
	DeviceIo io;

	if (!world) {
		std::fprintf(stderr, "dm_remap::host: I/O needs a World\n");
		std::abort();
	}
	world->may_block("device I/O");
	if (!world->powered())
		return DMR_STS_IOERR;
	io.op = op;
	io.sector = sector;
	io.sectors = sectors;
	io.flags = flags;
	io.data = data;
	io.context = &sync;
	io.user = user;
	io.user_sector = user_sector;
	io.done = [](DeviceIo *done) {
		auto *s = static_cast<Sync *>(done->context);

		s->over = true;
		World::current()->scheduler().wake_all(s->waiting);
	};
	dev->start(&io);
	while (!sync.over) {
		if (!world->scheduler().wait(sync.waiting))
			return DMR_STS_IOERR;
	}
	return io.status;
}

// In the kernel the data of the engine's own I/O becomes pages of a bio: memory from elsewhere does not do.
void check_buffer(const void *data, uint32_t sectors)
{
	World *world = World::current();

	if (world && !world->memory().in_buffer(data, size_t(sectors) * DMR_SECTOR_SIZE))
		world->violation("device I/O from or to memory that is not of dmr_io_buffer_alloc()");
}

} // namespace

void dmr_device_describe(struct dmr_device *dev, struct dmr_device_info *out)
{
	dev->describe(out);
}

bool dmr_device_flushes_for_fua(struct dmr_device *dev)
{
	return dev->flushes_for_fua();
}

dmr_status dmr_device_read(struct dmr_device *dev, uint64_t sector, void *data, uint32_t sectors)
{
	check_buffer(data, sectors);
	return perform(dev, DMR_OP_READ, sector, data, sectors, 0);
}

dmr_status dmr_device_write(struct dmr_device *dev, uint64_t sector, const void *data, uint32_t sectors, uint32_t flags)
{
	check_buffer(data, sectors);
	return perform(dev, DMR_OP_WRITE, sector, const_cast<void *>(data), sectors, flags);
}

dmr_status dmr_device_flush(struct dmr_device *dev)
{
	return perform(dev, DMR_OP_FLUSH, 0, nullptr, 0, 0);
}

/* ---- patrol ---- */

struct dmr_scratch {
	uint32_t sectors;
};

struct dmr_scratch *dmr_scratch_alloc(uint32_t sectors)
{
	auto *scratch = static_cast<dmr_scratch *>(dmr_alloc(sizeof(dmr_scratch) + size_t(sectors) * DMR_SECTOR_SIZE));

	if (scratch)
		scratch->sectors = sectors;
	return scratch;
}

void dmr_scratch_free(struct dmr_scratch *scratch)
{
	dmr_free(scratch);
}

dmr_status dmr_device_check(struct dmr_device *dev, uint64_t sector, uint32_t sectors, struct dmr_scratch *scratch)
{
	if (sectors > scratch->sectors)
		World::current()->violation("more is checked than the scratch has room for");
	return perform(dev, DMR_OP_READ, sector, scratch + 1, sectors, 0);
}

uint64_t dmr_disk_activity(struct dmr_device *dev)
{
	return dev->activity();
}

bool dmr_disk_enter(struct dmr_device *dev)
{
	return World::current()->enter_disk(dev);
}

void dmr_disk_leave(struct dmr_device *dev)
{
	World::current()->leave_disk(dev);
}

/* ---- requests ---- */

void dmr_request_describe(const struct dmr_request *req, struct dmr_request_info *out)
{
	*out = req->info;
}

struct dmr_request *dmr_request_next(const struct dmr_request *req)
{
	return req->next;
}

void dmr_request_set_next(struct dmr_request *req, struct dmr_request *next)
{
	req->next = next;
}

dmr_status dmr_request_io(struct dmr_request *req, uint32_t offset, uint32_t sectors, struct dmr_device *dev,
			  uint64_t sector, uint32_t flags)
{
	World *world = World::current();
	dmr_device_info info;
	uint8_t *data = req->data ? req->data + size_t(offset) * DMR_SECTOR_SIZE : nullptr;

	if (!req->alive || offset > req->info.sectors || sectors > req->info.sectors - offset) {
		world->violation("dmr_request_io outside the request, or after its end");
		return DMR_STS_IOERR;
	}
	if (req->info.op == DMR_OP_DISCARD) {
		dev->describe(&info);
		if (!info.discards)
			return DMR_STS_OK;
	}
	return perform(dev, req->info.op, sector, data, sectors, flags, req->user, req->info.sector + offset);
}

void dmr_request_end(struct dmr_request *req, dmr_status status)
{
	World *world = World::current();

	if (!req->alive) {
		world->violation("a request ended twice");
		return;
	}
	world->check_may_block("dmr_request_end");
	world->trace("end", req->info.sector, req->info.sectors, status);
	req->alive = false;
	req->ended(req, status);
}
