// SPDX-License-Identifier: GPL-2.0
// Injects what goes wrong with disks and memory, as the plan says, and tells the judge.
#ifndef DMR_SIM_FAULTS_HH
#define DMR_SIM_FAULTS_HH

#include "sim_judge.hh"
#include "sim_plan.hh"

namespace dm_remap::sim {

class Faults final {
public:
	Faults(const Plan &plan, host::World &world, Judge &judge, host::SimDisk &main, std::vector<host::SimDisk *> spares);

	// An occasion for one.
	void occasion(host::Random &random);
	// Whole-disk troubles and lack of memory pass, sooner or later.
	void relent(host::Random &random);
	// The machine comes up again: some of it is over.
	void reboot(host::Random &random);
	void weaken_spares(host::Random &random); // blocks that come when they are asked again
	void heal_spare_areas();	// metadata, and spares as a whole
	void wipe(host::SimDisk &spare); // before it is added
	void heal_all();
	// Flips bytes in one copy of each member's metadata; the same copy every time.
	void rot(host::Random &random);
	// Sectors of a member's metadata area, known once it is formatted.
	void set_area(uint64_t sectors) { area_sectors_ = sectors; }

	uint64_t injected() const { return injected_; }
	uint64_t rotted() const { return rotted_; }

private:
	void bad_run(host::Random &random, host::SimDisk &disk, uint64_t first, uint64_t limit, uint64_t longest);
	bool torn(const host::SimDisk &spare, uint64_t unit_sector) const;
	void whole_disk(host::Random &random, host::SimDisk &disk);
	host::SimDisk &any_spare(host::Random &random) { return *spares_[random.below(spares_.size())]; }

	const Plan &plan_;
	host::World &world_;
	Judge &judge_;
	host::SimDisk &main_;
	std::vector<host::SimDisk *> spares_;
	uint64_t area_sectors_ = 192;
	uint64_t injected_ = 0, rotted_ = 0;
};

} // namespace dm_remap::sim

#endif
