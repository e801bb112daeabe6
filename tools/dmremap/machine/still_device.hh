// SPDX-License-Identifier: GPL-2.0
// What a remap device holds while it stands still: read from main and the spares themselves, as its map says.
#ifndef DMREMAP_MACHINE_STILL_DEVICE_HH
#define DMREMAP_MACHINE_STILL_DEVICE_HH

#include "machine/raw_disk.hh"
#include "running.hh"

#include <map>

namespace dm_remap::tool {

class StillDevice final {
public:
	// Before it stands still: opens all that is to be read. Throws std::system_error.
	explicit StillDevice(const Running &device);

	// Its map, as it is now that nothing changes it. Throws Failure.
	void look();
	// False: not all of it can be read.
	bool read(uint64_t sector, uint8_t *data, uint64_t sectors) const;

private:
	struct Extent {
		uint64_t end;
		const RawDisk *disk;	// null: its data is nowhere
		uint64_t at;		// on that disk
	};

	const Running &device_;
	RawDisk main_;
	std::map<uint32_t, RawDisk> spares_;	// by number
	std::map<uint64_t, Extent> extents_;	// by their first sector of main
};

} // namespace dm_remap::tool

#endif
