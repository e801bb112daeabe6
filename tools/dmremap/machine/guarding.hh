// SPDX-License-Identifier: GPL-2.0
// Guard blocks on the main of a device that runs: put there where the world recognises what main holds, and taken off.
#ifndef DMREMAP_MACHINE_GUARDING_HH
#define DMREMAP_MACHINE_GUARDING_HH

#include "machine/guard_places.hh"
#include "running.hh"

#include <optional>
#include <vector>

namespace dm_remap::tool {

// How it was when the last job had ended.
struct Guarded {
	std::vector<GuardPlace> places;	// that were to be guarded
	std::vector<std::string> gaps;	// what could not be looked at
	uint64_t unreadable = 0, refused = 0; // sectors
	std::optional<LiveGuard> guard;
	std::vector<SignaturePlace> left; // what main is recognised by, all the same
	std::vector<std::string> partitions; // of main, that the kernel goes on showing

	bool whole() const { return guard && guard->complete() && left.empty() && !unreadable; }
};

// What there is to be guarded, read through the device. Throws Failure: there is nothing, or it cannot be read now.
GuardPlaces places_on(const Running &device);

// Guards these places, and what main shows besides them: old things, where the device shows something else. Waits for all jobs. Throws
// Failure: one did not come to its end, or was refused.
Guarded guard_main(const Running &device, GuardPlaces places);

// Waits for the job. Throws Failure.
LiveJob unguard_main(const Running &device);

} // namespace dm_remap::tool

#endif
