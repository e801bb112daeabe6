// SPDX-License-Identifier: GPL-2.0
#include "dm.hh"

#include "exit_status.hh"
#include "kernel_log.hh"

#include <cctype>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <libdevmapper.h>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace dm_remap::tool::dm {

namespace {

// The library would print it.
std::string last_error;

void keep_error(int level, const char *, int, int, const char *format, ...)
{
	char text[512];
	va_list arguments;

	// Only the last three bits are the level; 3 is an error.
	if ((level & 7) > 3)
		return;
	va_start(arguments, format);
	std::vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	last_error = text;
}

class Task final {
public:
	Task(int type, std::string what) : what_(std::move(what))
	{
		static const bool logged = (dm_log_with_errno_init(keep_error), true);

		(void)logged;
		last_error.clear();
		task_.reset(dm_task_create(type));
		need(task_ != nullptr);
	}

	dm_task *get() const { return task_.get(); }
	void need(int done) const
	{
		if (!done && last_error.empty())
			throw std::bad_alloc();
		if (!done)
			throw Failure(ExitStatus::failed, "device-mapper", fmt::format("{}: {}", what_, last_error));
	}
	void of(const Device &device) const { need(dm_task_set_major_minor(get(), static_cast<int>(device.major), static_cast<int>(device.minor), 0)); }
	// False if there is no such device.
	bool ask() const
	{
		if (dm_task_run(get()))
			return true;
		if (dm_task_get_errno(get()) != ENXIO)
			fail({});
		return false;
	}
	// Why something is refused the kernel tells in its log alone, where it calls the device by this name.
	void run(const std::string &kernel_name) const
	{
		const KernelLog log;

		if (!dm_task_run(get()))
			fail(log.said(kernel_name));
	}
	void run_unless_interrupted(const std::string &kernel_name) const
	{
		const KernelLog log;

		if (!dm_task_run(get()) && dm_task_get_errno(get()) != EINTR)
			fail(log.said(kernel_name));
	}
	// With udev's rules, where udev runs: when this returns the node is what it is to be.
	void run_with_udev(const std::string &kernel_name) const
	{
		const KernelLog log;
		uint32_t cookie = 0;

		need(dm_task_set_cookie(get(), &cookie, 0));
		const int done = dm_task_run(get());
		const int error = dm_task_get_errno(get());
		const std::vector<std::string> said = done ? std::vector<std::string>() : log.said(kernel_name);

		dm_udev_wait(cookie);
		dm_task_update_nodes();
		if (!done)
			fail(said, error);
	}

private:
	[[noreturn]] void fail(const std::vector<std::string> &said, int error = 0) const
	{
		if (!error)
			error = dm_task_get_errno(get());
		std::string why;

		for (const std::string &line : said)
			why += (why.empty() ? "" : "; ") + line;
		if (why.empty())
			why = error ? std::strerror(error) : last_error;
		if (why.find("unknown target type") != why.npos)
			throw Failure(ExitStatus::failed, "no-modules",
				      what_ + ": the kernel does not know the target: 'modprobe dm-remap', or install the modules for this kernel");
		throw Failure(error == EBUSY ? ExitStatus::busy : error == ENXIO ? ExitStatus::not_found : ExitStatus::failed,
			      error == EBUSY ? "busy" : error == ENXIO ? "not-found" : "device-mapper", fmt::format("{}: {}", what_, why));
	}

	std::string what_;
	struct Destroy {
		void operator()(dm_task *task) const { dm_task_destroy(task); }
	};
	std::unique_ptr<dm_task, Destroy> task_;
};

std::string owned(char *allocated)
{
	const std::string out = allocated ? allocated : "";

	dm_free(allocated);
	return out;
}

// The library tells it of a device that there is alone.
std::string kernel_name(const std::string &name)
{
	constexpr std::string_view plain = "#+-.:=@_";
	std::string out;

	for (const char c : name)
		out += std::isalnum(static_cast<unsigned char>(c)) || plain.find(c) != plain.npos
			       ? std::string(1, c)
			       : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
	return out;
}

Device device_of(const Task &task)
{
	dm_info info = {};

	task.need(dm_task_get_info(task.get(), &info));
	Device device;

	device.name = owned(dm_task_get_name_unmangled(task.get()));
	device.kernel_name = owned(dm_task_get_name_mangled(task.get()));
	device.uuid = owned(dm_task_get_uuid_unmangled(task.get()));
	device.path = std::string(dm_dir()) + "/" + device.kernel_name;
	device.major = info.major;
	device.minor = info.minor;
	device.open_count = static_cast<uint32_t>(info.open_count);
	device.events = info.event_nr;
	device.suspended = info.suspended;
	device.read_only = info.read_only;
	device.live = info.live_table;
	return device;
}

void add_targets(const Task &task, const Table &table)
{
	for (const Segment &segment : table)
		task.need(dm_task_add_target(task.get(), segment.start, segment.sectors, segment.target.c_str(), segment.text.c_str()));
}

Table read_table(const Task &task, const Device &device)
{
	Table out;

	task.of(device);
	task.need(dm_task_no_flush(task.get()));
	// A table of dm-crypt has a key in it.
	task.need(dm_task_secure_data(task.get()));
	task.run(device.kernel_name);
	for (void *next = nullptr;;) {
		Segment segment;
		char *target = nullptr, *text = nullptr;

		next = dm_get_next_target(task.get(), next, &segment.start, &segment.sectors, &target, &text);
		if (target) {
			segment.target = target;
			segment.text = text ? text : "";
			out.push_back(segment);
		}
		if (!next)
			return out;
	}
}

Device existing(const std::string &name)
{
	std::optional<Device> found = find(name);

	if (!found)
		throw Failure(ExitStatus::failed, "device-mapper", name + ": it is gone again already");
	return std::move(*found);
}

} // namespace

std::optional<Device> find(const std::string &name)
{
	const Task task(DM_DEVICE_INFO, name);
	struct stat found = {};
	unsigned int major = 0, minor = 0;
	int end = 0;

	if (name.find('/') != name.npos) {
		if (stat(name.c_str(), &found) || !S_ISBLK(found.st_mode))
			return {};
		major = major(found.st_rdev), minor = minor(found.st_rdev);
	} else if (std::sscanf(name.c_str(), "%u:%u%n", &major, &minor, &end) != 2 || name.size() != static_cast<size_t>(end)) {
		if (!dm_task_set_name(task.get(), name.c_str()))
			return {};
	}
	if (major && !dm_is_dm_major(major))
		return {};
	if (major)
		task.need(dm_task_set_major_minor(task.get(), static_cast<int>(major), static_cast<int>(minor), 0));
	dm_info info = {};

	if (!task.ask())
		return {};
	task.need(dm_task_get_info(task.get(), &info));
	return info.exists ? std::optional(device_of(task)) : std::nullopt;
}

std::optional<std::string> unavailable()
{
	try {
		const Task task(DM_DEVICE_VERSION, "device-mapper");

		if (dm_task_run(task.get()))
			return {};
		return last_error.empty() ? "device-mapper cannot be asked" : last_error;
	} catch (const Failure &failure) {
		return failure.what();
	}
}

std::vector<Device> all()
{
	std::vector<Device> out;

	if (unavailable())
		return out;
	const Task task(DM_DEVICE_LIST, "the list of devices");

	task.need(dm_task_run(task.get()));
	for (const dm_names *at = dm_task_get_names(task.get()); at->dev;) {
		if (std::optional<Device> device = find(fmt::format("{}:{}", major(at->dev), minor(at->dev))))
			out.push_back(std::move(*device));
		if (!at->next)
			break;
		at = reinterpret_cast<const dm_names *>(reinterpret_cast<const char *>(at) + at->next);
	}
	return out;
}

Table table(const Device &device)
{
	return read_table(Task(DM_DEVICE_TABLE, device.name), device);
}

Table status(const Device &device)
{
	return read_table(Task(DM_DEVICE_STATUS, device.name), device);
}

std::string message(const Device &device, const std::string &words)
{
	const Task task(DM_DEVICE_TARGET_MSG, fmt::format("{}: message '{}'", device.name, words));

	task.of(device);
	task.need(dm_task_set_sector(task.get(), 0));
	task.need(dm_task_set_message(task.get(), words.c_str()));
	task.run(device.kernel_name);
	const char *answer = dm_task_get_message_response(task.get());

	return answer ? answer : "";
}

uint32_t events(const Device &device)
{
	const Task task(DM_DEVICE_INFO, device.name);

	task.of(device);
	task.run(device.kernel_name);
	return device_of(task).events;
}

void wait_event(const Device &device, uint32_t events)
{
	const Task task(DM_DEVICE_WAITEVENT, device.name);

	task.of(device);
	task.need(dm_task_set_event_nr(task.get(), events));
	// A flush would wait for a disk that is failing.
	task.need(dm_task_no_flush(task.get()));
	task.run_unless_interrupted(device.kernel_name);
}

namespace {

// Of a device without a table udev is told nothing, and nothing is to be waited for.
Device create_empty(const std::string &name, const std::string &uuid)
{
	const Task task(DM_DEVICE_CREATE, name);

	if (!dm_task_set_name(task.get(), name.c_str()))
		throw Failure(ExitStatus::usage, "usage", fmt::format("'{}' cannot be a name: {}", name, last_error));
	if (!uuid.empty())
		task.need(dm_task_set_uuid(task.get(), uuid.c_str()));
	task.run(kernel_name(name));
	return existing(name);
}

void remove_if_there(const Device &device)
{
	try {
		remove(device);
	} catch (const Failure &) {
		// Why it was to go is what has to be told.
	}
}

} // namespace

Device create(const std::string &name, const std::string &uuid, const Table &table, bool read_only, const std::function<void()> &before_load)
{
	const Device made = create_empty(name, uuid);

	try {
		before_load();
		load(made, table, read_only);
		resume(made);
	} catch (...) {
		remove_if_there(made);
		throw;
	}
	return existing(name);
}

void load(const Device &device, const Table &table, bool read_only)
{
	const Task task(DM_DEVICE_RELOAD, device.name);

	task.of(device);
	if (read_only)
		task.need(dm_task_set_ro(task.get()));
	add_targets(task, table);
	task.run(device.kernel_name);
}

void clear(const Device &device)
{
	const Task task(DM_DEVICE_CLEAR, device.name);

	task.of(device);
	task.run(device.kernel_name);
}

void suspend(const Device &device, Freeze freeze)
{
	const Task task(DM_DEVICE_SUSPEND, device.name);

	task.of(device);
	if (freeze == Freeze::no)
		task.need(dm_task_skip_lockfs(task.get()));
	task.run(device.kernel_name);
}

void resume(const Device &device)
{
	const Task task(DM_DEVICE_RESUME, device.name);

	// udev's cookies need the name.
	task.need(dm_task_set_name(task.get(), device.name.c_str()));
	task.run_with_udev(device.kernel_name);
}

void set_uuid(const Device &device, const std::string &uuid)
{
	const Task task(DM_DEVICE_RENAME, device.name);

	task.need(dm_task_set_name(task.get(), device.name.c_str()));
	task.need(dm_task_set_newuuid(task.get(), uuid.c_str()));
	task.run_with_udev(device.kernel_name);
}

void remove(const Device &device, bool deferred)
{
	const Task task(DM_DEVICE_REMOVE, device.name);

	task.need(dm_task_set_name(task.get(), device.name.c_str()));
	task.need(deferred ? dm_task_deferred_remove(task.get()) : dm_task_retry_remove(task.get()));
	task.run_with_udev(device.kernel_name);
}

} // namespace dm_remap::tool::dm
