// SPDX-License-Identifier: GPL-2.0
// Settings of disks that make a difference to dm-remap. Paths are what the finding calls a device.
#ifndef DMREMAP_MACHINE_DISK_CARE_HH
#define DMREMAP_MACHINE_DISK_CARE_HH

#include "judgement.hh"

#include <functional>
#include <optional>
#include <string>

namespace dm_remap::tool {

// "cache": its volatile write cache is on. A spare's may be: it is flushed.
std::optional<Finding> look_at_cache(const std::string &path, bool of_main);
// "same-disk": the spare is on main's disk. By MAJOR:MINOR.
std::optional<Finding> look_at_place(const std::string &main, const std::string &spare, const std::string &spare_path);

// Of the disk's own error recovery, as 'smartctl --json -l scterc' tells of it. seconds: how long the kernel waits for a command. "erc": the
// disk tries for longer than that. No value: all is well, it is no such disk, or nobody knows.
std::optional<Finding> judge_recovery(const std::string &smartctl, uint64_t seconds, const std::string &path);
// The same, with what the kernel says of this disk; no value either if it does not say how long it waits. smartctl: none is asked if it does not.
std::optional<Finding> look_at_recovery(const std::string &path, const std::function<std::optional<std::string>(const std::string &disk)> &smartctl);

} // namespace dm_remap::tool

#endif
