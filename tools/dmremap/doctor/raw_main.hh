// SPDX-License-Identifier: GPL-2.0
// What in the files of a system would go past the mapped device and use main itself: at the next boot, or when somebody asks for it. Each
// finding's action has the line to write.
#ifndef DMREMAP_DOCTOR_RAW_MAIN_HH
#define DMREMAP_DOCTOR_RAW_MAIN_HH

#include "doctor/subject.hh"
#include "machine/tree.hh"

namespace dm_remap::tool {

// A set that the system is on has to say so in sets.conf.
void look_at_root(const Tree &tree, const Subject &subject, Findings &out);
void look_at_fstab(const Tree &tree, const Subject &subject, Findings &out);
void look_at_crypttab(const Tree &tree, const Subject &subject, Findings &out);
// systemd's .mount and .swap.
void look_at_units(const Tree &tree, const Subject &subject, Findings &out);
// What resumes from hibernation.
void look_at_resume(const Tree &tree, const Subject &subject, Findings &out);
void look_at_grub(const Tree &tree, const Subject &subject, Findings &out);
void look_at_lvm(const Tree &tree, const Subject &subject, Findings &out);
void look_at_md(const Tree &tree, const Subject &subject, Findings &out);
void look_at_multipath(const Tree &tree, const Subject &subject, Findings &out);

// All of these.
Findings what_uses_main(const Tree &tree, const Subject &subject);

// What on the set is read from main itself when the machine starts, before anything of ours runs: a sentence's beginning; empty: nothing.
std::string started_from_main(const Tree &tree, const Subject &subject);

// Is the root filesystem of this system, or /usr, on the set?
bool boots_from(const Tree &tree, const Subject &subject);

} // namespace dm_remap::tool

#endif
