// SPDX-License-Identifier: GPL-2.0
// What the modules take for the identity of a device, found out without them: to know a main again before it is opened.
#ifndef DMREMAP_MACHINE_IDENTITY_HH
#define DMREMAP_MACHINE_IDENTITY_HH

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dm_remap::tool {

// What they begin with. The last, and the sector, stand for a partition of which no PARTUUID is known.
inline constexpr std::string_view wwid_prefix = "wwid:", partuuid_prefix = "partuuid:", place_prefix = "start:";

// Of the device with this MAJOR:MINOR: "partuuid:…" of a partition, "wwid:…" of a disk; empty if it has none.
std::string identity_of(const std::string &number);
// Of the disk that it is, or is on.
std::string disk_identity_of(const std::string &number);

// Out of the page 0x83 of a SCSI disk: NAA before EUI-64 before T10.
std::string wwid_of_page(std::span<const uint8_t> page);

} // namespace dm_remap::tool

#endif
