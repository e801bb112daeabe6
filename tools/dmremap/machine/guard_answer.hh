// SPDX-License-Identifier: GPL-2.0
// Guarding, as those verbs tell it that do it.
#ifndef DMREMAP_MACHINE_GUARD_ANSWER_HH
#define DMREMAP_MACHINE_GUARD_ANSWER_HH

#include "answer.hh"
#include "doctor/subject.hh"
#include "machine/guarding.hh"

namespace dm_remap::tool {

// Asks first, where the machine starts from main itself: it would not any more.
void confirm_guard(Answer &answer, const Subject &subject);
// A line each.
void list_places(Answer &answer, const std::vector<GuardPlace> &places);
// What became of it, with what is to be done; warnings too.
void tell_guarded(Answer &answer, const Subject &subject, const Guarded &guarded);
// The keys `places`, `recognised` and `guard`. No value: nothing was done.
void write_guarded(JsonWriter &out, const std::vector<GuardPlace> &places, const std::optional<Guarded> &guarded);

} // namespace dm_remap::tool

#endif
