// SPDX-License-Identifier: GPL-2.0
// A disk of the tool's own, for as long as it is needed: a file without a name behind a loop device. Whatever becomes of the process, the
// kernel lets go of both when nobody uses them any more.
#ifndef DMREMAP_SELFTEST_LOOP_DEVICE_HH
#define DMREMAP_SELFTEST_LOOP_DEVICE_HH

#include "os/fd.hh"

#include <cstdint>
#include <string>

namespace dm_remap::tool {

class LoopDevice final {
public:
	// All zeroes, and no room is taken but for what is written. Throws Failure: "no-loop", there are no loop devices here; "no-room", no
	// such file can be in the folder; "unfit", it cannot be a device.
	LoopDevice(const std::string &folder, uint64_t bytes);

	const std::string &path() const { return path_; }

private:
	void attach(const Fd &file);

	std::string path_;
	Fd device_;
};

} // namespace dm_remap::tool

#endif
