// SPDX-License-Identifier: GPL-2.0
// A judgement as it is told.
#ifndef DMREMAP_JUDGEMENT_TEXT_HH
#define DMREMAP_JUDGEMENT_TEXT_HH

#include "answer.hh"
#include "judgement.hh"

namespace dm_remap::tool {

// The first lines about a device: its name and state, and of each finding what it is and what to do.
void print_judgement(Answer &answer, const std::string &name, const Judgement &judgement);
// The findings, as `status` of the object about the device.
void write_findings(JsonWriter &out, const Judgement &judgement);

} // namespace dm_remap::tool

#endif
