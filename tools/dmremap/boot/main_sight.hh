// SPDX-License-Identifier: GPL-2.0
// Which device is the main of a set, told without reading a disk: by what sets.conf, the spares that were seen, sysfs and udev say. How it
// is judged is reassembly's own comparison, that of the modules.
#ifndef DMREMAP_BOOT_MAIN_SIGHT_HH
#define DMREMAP_BOOT_MAIN_SIGHT_HH

#include "sets_config.hh"

#include <dm_remap/metadata.h>

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

// A main that belongs to a set, be it there or not.
struct KnownMain {
	std::string set, name;
	std::string path;		// as the file has it; empty: the file does not have the set
	dmr_main_identity identity = {};
	std::optional<uint64_t> first = {};	// of a partition: where it begins on its disk
	bool automatic = false;		// it may be started by itself
};

// A device, as far as it can be told without reading it. Empty: not known.
struct DeviceSight {
	std::string number;	// MAJOR:MINOR
	bool partition = false;
	std::string place;	// of a partition: "start:N"
	std::string disk;	// "wwid:…" of the disk that it is, or is on
	std::string partuuid;	// in lower case, without a prefix
	std::vector<std::string> ids;	// what udev calls that disk
	// Paths that lead to it, or will when udev is done with it. Not its node: the kernel's names go to whichever disk comes next.
	std::vector<std::string> names;
};

// Those of the file, and those that spares have told of.
enum class Released : bool { left_out, too };
std::vector<KnownMain> known_mains(const SetsConfig &config, Released released = Released::left_out);
// What a spare's superblock says of it, for others to know: as run_dir keeps it.
std::string set_note(const dmr_setup &setup);
// Throws nothing: what is not understood is left out.
KnownMain parse_set_note(const std::string &set, const std::string &text);

// How far udev is with the device.
enum class Seen : uint8_t {
	now,	// its rules run right now: what they know of it is in the environment
	before,	// what they knew then is in its database
};
DeviceSight look_at(const std::string &number, Seen seen);

bool is_main(const KnownMain &main, const DeviceSight &device);
// Main, of the device or of the disk that it is a partition of; null: neither is one. main_number: of main.
const KnownMain *find_known(const std::vector<KnownMain> &mains, const std::string &number, Seen seen, std::string &main_number);
// Is this device the main of that set? A path of a multipath device is not: what is above is meant.
bool is_main_of(const std::vector<KnownMain> &mains, const std::string &set, const std::string &number);
// Where this main is; empty: nowhere. Looks at all devices of the machine.
std::string find_device(const std::vector<KnownMain> &mains, const std::string &set);

// Does the mapped device of the set run? By sysfs: device-mapper is not asked.
bool set_runs(const std::string &set);

enum class MainUse : uint8_t { idle, set, other };
// Has udev look at a main again, and at its partitions.
void trigger_main(const std::string &number);
// Who uses it, or a partition of it.
MainUse use_of_main(const std::string &number, const std::string &set);
const char *use_text(MainUse use);

} // namespace dm_remap::tool

#endif
