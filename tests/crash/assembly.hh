// SPDX-License-Identifier: GPL-2.0
// The project's own engine over disks as a power cut left them: the map that a start would find, and the device that it
// makes.
#ifndef DMR_CRASH_ASSEMBLY_HH
#define DMR_CRASH_ASSEMBLY_HH

#include "state.hh"

#include <string>

namespace dm_remap::crash {

struct Remap {
	uint64_t main_sector, spare_sector;
	uint32_t sectors;
	uint32_t spare;		// as counted in the table

	bool operator==(const Remap &) const = default;
};

struct Assembly {
	std::string refusal;	// why the device cannot be started; otherwise empty
	std::vector<Remap> remaps;
	uint64_t pending_sectors = 0;
};

// Start main and spares by the table line that the workload's device had, as the kernel would: constructor, preresume.
// What the start writes (a checkpoint, superblocks) goes into the images.
Assembly assemble(Image &main, std::span<Image> spares);

// The remapped blocks copied over main's: the device's content as one image.
void flatten(Image &main, std::span<const Image> spares, const Assembly &assembly);

} // namespace dm_remap::crash

#endif
