// SPDX-License-Identifier: GPL-2.0
// device-mapper, through its own library: no dmsetup is run. What fails is thrown as a Failure, with what the kernel says of it.
#ifndef DMREMAP_DM_HH
#define DMREMAP_DM_HH

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool::dm {

// A line of a table, or of a status: the arguments, or what the target says.
struct Segment {
	uint64_t start = 0, sectors = 0;
	std::string target, text;

	bool operator==(const Segment &) const = default;
};
using Table = std::vector<Segment>;

struct Device {
	std::string name, uuid;	// as they are, not as they are written in /dev/mapper
	std::string kernel_name;	// as the kernel has it, and its log
	std::string path;	// in /dev/mapper
	uint32_t major = 0, minor = 0;
	uint32_t open_count = 0;
	uint32_t events = 0;	// that it has had
	bool suspended = false, read_only = false, live = false;	// live: it has a table

	std::string number() const { return std::to_string(major) + ":" + std::to_string(minor); }
};

// By its name, by a path that leads to it, or by MAJOR:MINOR. No value: there is none, or it is not device-mapper's.
std::optional<Device> find(const std::string &name);
// Null, or why device-mapper cannot be asked: there is none, or this user may not.
std::optional<std::string> unavailable();
// All that there are, in no order. Empty where device-mapper cannot be asked.
std::vector<Device> all();

Table table(const Device &device);
// Without a flush, which would wait for a disk that is failing.
Table status(const Device &device);
// The answer: lines. With sector 0: device-mapper's own words, and those of the only target.
std::string message(const Device &device, const std::string &words);

// How many events it has had. wait_event: returns when that is another number, or a signal comes.
uint32_t events(const Device &device);
void wait_event(const Device &device, uint32_t events);

// Its node is there when this returns. before_load: the last that is done before the kernel takes the devices that the table names.
Device create(const std::string &name, const std::string &uuid, const Table &table, bool read_only = false,
	      const std::function<void()> &before_load = [] {});
void load(const Device &device, const Table &table, bool read_only = false);
// What was loaded and is not live goes.
void clear(const Device &device);
// Is a filesystem on the device asked first to bring what it has to a state that is whole?
enum class Freeze : bool { no, yes };
// When it returns all I/O has ended, and what comes waits.
void suspend(const Device &device, Freeze freeze = Freeze::no);
// With what was loaded last, if anything was.
void resume(const Device &device);
// Of a device that has none, which can be given one once.
void set_uuid(const Device &device, const std::string &uuid);
// Tries again for some seconds: udev may be looking at it. Deferred: it goes when nobody uses it any more.
void remove(const Device &device, bool deferred = false);

} // namespace dm_remap::tool::dm

#endif
