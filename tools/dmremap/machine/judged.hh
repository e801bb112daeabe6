// SPDX-License-Identifier: GPL-2.0
// A device that runs, with the names that its parts have on this machine.
#ifndef DMREMAP_MACHINE_JUDGED_HH
#define DMREMAP_MACHINE_JUDGED_HH

#include "judgement.hh"
#include "machine/machine.hh"

namespace dm_remap::tool {

// As the file has them, or by a name that stays. Of a spare that is missing: what it was called last, if that can be told, or "not there".
std::string path_of_main(const Machine &machine, const Running &device);
std::string path_of_spare(const Machine &machine, const Running &device, const LiveStatus &live, const LiveSpare &spare);

Judgement judge_running(const Machine &machine, const Running &device, const LiveStatus &live);

} // namespace dm_remap::tool

#endif
