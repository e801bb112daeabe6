// SPDX-License-Identifier: GPL-2.0
// What the running system does with a set's main, and with its disks. How a set that runs is doing is for `status` to say.
#ifndef DMREMAP_DOCTOR_LIVE_HH
#define DMREMAP_DOCTOR_LIVE_HH

#include "doctor/subject.hh"

namespace dm_remap::tool {

// Who uses main itself, now.
void look_at_users(const Subject &subject, Findings &out);
// Whether it runs, and whether its disks are there.
void look_at_presence(const Subject &subject, Findings &out);
// Whether main is taken by others for what it was.
void look_at_guard(const Subject &subject, Findings &out);
// How the disks are set. What could not be asked is in `not_looked_at`.
void look_at_disks(const Subject &subject, Findings &out, std::vector<std::string> &not_looked_at);

} // namespace dm_remap::tool

#endif
