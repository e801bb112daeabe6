// SPDX-License-Identifier: GPL-2.0
// Which device is a set's main. Never by its size: by what tells it from others, or by a name that stays.
#ifndef DMREMAP_MACHINE_FIND_MAIN_HH
#define DMREMAP_MACHINE_FIND_MAIN_HH

#include "machine/machine.hh"
#include "start_plan.hh"

namespace dm_remap::tool {

// As it would be recorded. main_id: what the table is to call its disk; without a value what udev does, if the kernel knows no better.
// Throws std::system_error: it cannot be opened; Failure: it is no block device.
MainNow describe_main(const std::string &path, const std::optional<std::string> &main_id = {});

// given: by whoever asks for the start, and then it is this one. configured: may be null. Throws Failure "no-main".
MainNow find_main(const Machine &machine, const dmr_setup &setup, const std::string &given, const ConfiguredSet *configured,
		  const std::optional<std::string> &main_id);

} // namespace dm_remap::tool

#endif
