// SPDX-License-Identifier: GPL-2.0
// What a set is tried on: main and spare on loop devices, between main and the modules a device of device-mapper that fails where it is
// told to, and the remap device. All of it has names that nobody else uses.
#ifndef DMREMAP_SELFTEST_RIG_HH
#define DMREMAP_SELFTEST_RIG_HH

#include "running.hh"
#include "selftest/content.hh"
#include "selftest/loop_device.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

class Rig final {
public:
	static constexpr uint64_t main_sectors = 4096, spare_sectors = 8192;
	// That the folder has to have.
	static constexpr uint64_t room_bytes = 2 * (main_sectors + spare_sectors) * 512;

	// Throws Failure: as LoopDevice, and what device-mapper says.
	explicit Rig(const std::string &folder);
	// What is still there goes, as far as it does.
	~Rig();
	Rig(const Rig &) = delete;
	Rig &operator=(const Rig &) = delete;

	// From now on these sectors of main fail, reads and writes, and no others. In their order.
	void break_main(const std::vector<SectorRange> &bad) const;
	// The remap device, for the first time or again. Throws Failure.
	void start() const;
	void stop() const;
	// A second device with the same main and spare. Throws Failure, as it has to.
	void start_second() const;

	Running device() const { return Running::find(name_); }
	std::string path() const;	// of the remap device
	std::string failing_main() const; // as the modules see it
	const std::string &main() const { return main_.path(); } // beneath that: never fails
	const std::string &spare() const { return spare_.path(); }

	// Takes everything away. What did not go is told, each with how to have it go.
	std::vector<std::string> clean_up() const;
	// Of processes that were killed: as clean_up(), and what went is in `gone`.
	static std::vector<std::string> clean_up_after_others(std::vector<std::string> &gone);

private:
	dm::Table table_with(const std::vector<SectorRange> &bad) const;
	dm::Table remap_table() const;

	std::string name_;
	LoopDevice main_, spare_;
};

} // namespace dm_remap::tool

#endif
