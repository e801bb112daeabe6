// SPDX-License-Identifier: GPL-2.0
// Whether every kernel that is installed can start a set.
#ifndef DMREMAP_DOCTOR_KERNELS_HH
#define DMREMAP_DOCTOR_KERNELS_HH

#include "doctor/subject.hh"
#include "machine/tree.hh"

namespace dm_remap::tool {

// Kernels without the modules.
void look_at_modules(const Tree &tree, Findings &out);
// Of a set that the system boots from: initramfs without the modules. What cannot be looked into is in `not_looked_at`.
void look_at_initramfs(const Tree &tree, const Subject &subject, Findings &out, std::vector<std::string> &not_looked_at);

} // namespace dm_remap::tool

#endif
