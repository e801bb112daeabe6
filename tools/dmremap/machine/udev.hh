// SPDX-License-Identifier: GPL-2.0
// What udev knows of block devices, and when it hears of a new one. Where no udev runs it knows nothing.
#ifndef DMREMAP_MACHINE_UDEV_HH
#define DMREMAP_MACHINE_UDEV_HH

#include "machine/tree.hh"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

struct udev;
struct udev_monitor;

namespace dm_remap::tool::udev {

// Of the device with this MAJOR:MINOR; empty: it has none of this name.
std::string property(const std::string &number, const char *name);
// The paths of its links, in order.
std::vector<std::string> links(const std::string &number);
// A name in /dev that the kernel gives, as /dev/sdb, may be another disk's after the next boot: a link that stays, where there is one.
// Any other path as it is.
std::string lasting_path(const std::string &path);
// What tells the disk that the device is, or is on, from others: ID_WWN, or else ID_SERIAL, if it can stand in a table line; else empty.
std::string disk_id(const std::string &number);

// One word of a table line or message, as it is.
bool fits_a_table(const std::string &text);
// Do the rules of this system hide the mains of sets?
bool hides_mains(const Tree &tree);

// What the modules tell of a device of theirs.
struct Event {
	std::string device;	// its name
	std::string name;	// DM_REMAP_EVENT
};

class Monitor final {
public:
	// Hears of block devices from here on. Throws std::system_error.
	Monitor();
	~Monitor();
	Monitor(const Monitor &) = delete;
	Monitor &operator=(const Monitor &) = delete;

	// Until there is news of a block device, or this time is over: false. Whatever came together is one piece of news.
	bool wait(uint64_t milliseconds);
	// Each event among the news that are there. False: some were lost, as there were too many.
	bool take(const std::function<void(const Event &)> &f);
	// Can be read from when there is news; wait(0) takes it.
	int fd() const;

private:
	bool is_readable(int milliseconds = 0) const;

	::udev *udev_;
	udev_monitor *monitor_;
};

} // namespace dm_remap::tool::udev

#endif
