// SPDX-License-Identifier: GPL-2.0
// A device that runs, as a sample of its history.
#ifndef DMREMAP_HEALTH_SAMPLING_HH
#define DMREMAP_HEALTH_SAMPLING_HH

#include "answer.hh"
#include "health/history.hh"
#include "monitoring/facts.hh"

namespace dm_remap::tool {

// Of this machine.
Moment now();
// No value: it is not known well enough, or of which set it is.
std::optional<Sample> sample_of(const DeviceFacts &device, const Moment &moment);
// Into the histories of all that run. What cannot be kept is warned of, and hinders nothing.
void record(Answer &answer, const MachineFacts &facts);

} // namespace dm_remap::tool

#endif
