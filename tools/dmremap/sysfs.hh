// SPDX-License-Identifier: GPL-2.0
// Block devices as sysfs tells of them.
#ifndef DMREMAP_SYSFS_HH
#define DMREMAP_SYSFS_HH

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool::sysfs {

// Of "MAJOR:MINOR", a node in /dev; the number as it is if nobody knows one.
std::string node(const std::string &number);
// Of a path to a block device, "MAJOR:MINOR"; empty for anything else.
std::string number(const std::string &path);
// The first line of a file of the device's own folder, or of its disk's; empty if there is none.
std::string attribute(const std::string &number, const std::string &file);
// The path of a file of the device's own folder.
std::string file(const std::string &number, const std::string &name);
// Is there a sysfs to be asked?
bool there();
// Has udev look at the device again.
void trigger(const std::string &number);
// What is built upon it, and what it is built upon: "MAJOR:MINOR" of each.
std::vector<std::string> holders(const std::string &number);
std::vector<std::string> slaves(const std::string &number);
// Of a partition, its disk; of anything else itself.
std::string disk(const std::string &number);
bool is_partition(const std::string &number);
// The disks that it is on, in the end: through partitions, device-mapper and md.
std::vector<std::string> disks_below(const std::string &number);
// Every disk and partition with a size, by number.
std::vector<std::string> all();

struct Partition {
	std::string number;
	uint64_t start, sectors;
};
std::vector<Partition> partitions(const std::string &number);
// Where it lies on its disk; all of it, if it is no partition.
Partition place(const std::string &number);

// The first line of a file that the kernel has of a module; no value: it is not loaded, or has no such file.
std::optional<std::string> module(const std::string &name, const std::string &file);
bool module_loaded(const std::string &name);
// What dm-remap-stats says of each device that runs, as Prometheus text. No value: it is not loaded.
std::optional<std::vector<std::string>> statistics();

} // namespace dm_remap::tool::sysfs

#endif
