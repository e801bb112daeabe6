// SPDX-License-Identifier: GPL-2.0
// What a drive says of itself, as 'smartctl --json -x' tells it.
//
// What it does not say has no value: that is no good sign and no bad one. Of ATA's attributes the number that smartctl prints is taken, not
// the raw 48 bits, in which makers pack several; and only where its name says that it is what it usually is.
#ifndef DMREMAP_SMART_DRIVE_HEALTH_HH
#define DMREMAP_SMART_DRIVE_HEALTH_HH

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

struct DriveHealth {
	std::string protocol;	// ATA, SCSI, NVMe; empty: smartctl cannot speak to it
	std::string model, serial;
	std::optional<bool> passed;	// its own verdict
	std::vector<std::string> failing; // what that is about: attributes at their threshold now, warnings of an NVMe drive
	std::optional<uint64_t> reallocated, pending, uncorrectable; // sectors; of the last, errors
	uint64_t failed_self_tests = 0;	// in its log
	std::optional<uint64_t> temperature, hours, wear_percent; // degrees Celsius; powered on; of the life that it was built for
	std::optional<uint64_t> spare_percent, spare_threshold; // NVMe: of its own spare blocks, left, and what is too little
	std::optional<uint64_t> recovery_deciseconds; // ATA: it gives a sector up after so long, reading or writing, whichever is longer

	// Its own spare blocks are used up, or its life is. A drive that has no threshold says nothing by being below it.
	bool worn() const
	{
		return wear_percent.value_or(0) >= 100 || (spare_percent && spare_threshold.value_or(0) > 0 && *spare_percent <= *spare_threshold);
	}
};

// Throws Failure "smart" if this is no document of smartctl's.
DriveHealth read_drive_health(std::string_view smartctl);

} // namespace dm_remap::tool

#endif
