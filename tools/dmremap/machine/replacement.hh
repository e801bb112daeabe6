// SPDX-License-Identifier: GPL-2.0
// Copies a device that may be in use, until the copy is the same, and puts the copy in its place.
//
// Round after round. Each begins with the device standing still for as long as it takes that I/O under way ends: what was written in the
// round before is done then, and is to be copied again. What is written while a round copies is left to the next one, so no copy of a
// block is believed that a write may have overtaken. A write that came while the device stood still was told then, and is done later, when
// nobody tells it again: what was told around a standstill is copied again after the next one. When a round leaves little, the device
// stands still once more, with its filesystem frozen; the rest is read from main and the spares themselves, as nothing passes through the
// device.
//
// The first and the last piece come at the very end: until all else is there nobody takes the new disk for the filesystem that it holds.
#ifndef DMREMAP_MACHINE_REPLACEMENT_HH
#define DMREMAP_MACHINE_REPLACEMENT_HH

#include "machine/copier.hh"
#include "machine/still_device.hh"
#include "machine/write_tracker.hh"

#include <chrono>

namespace dm_remap::tool {

class Replacement final {
public:
	// tracker: null if nobody but this process can write to the device. known: the map is of this run alone; else what it calls copied
	// may have been written since. tick: after each piece that is copied while the device goes on; may throw.
	Replacement(const Running &device, const RawDisk &source, const RawDisk &to, CopyMap &map, WriteTracker *tracker, bool known,
		    std::function<void(Copier::Step)> tick);

	// At the start: what is to come last is zeroes on the new disk.
	void hide();
	// Until what is left can be copied within this time. retries: of what cannot be read. Throws Failure "written-too-fast".
	void bring_close(uint64_t retries, std::chrono::seconds standstill);
	// All of it is the same at one moment. to_number: MAJOR:MINOR of the disk that serves the device from then on; empty: none, it goes
	// on as it was. False: too much was written before it stood still; bring it close again.
	bool finish(const std::string &to_number, std::chrono::seconds standstill);

	std::chrono::milliseconds stood_still() const { return longest_; }
	uint64_t rounds() const { return rounds_; }
	const std::vector<SectorRange> &unverified() const { return copier_.unverified(); }

private:
	void stand_still_once();
	void heed(const WriteTracker::Written &written);
	void round(uint64_t retries);
	uint64_t left();
	std::chrono::duration<double> time_for(uint64_t sectors) const;
	bool is_held(uint64_t sector) const { return sector < first_end_ || sector >= last_start_; }

	const Running &device_;
	CopyMap &map_;
	WriteTracker *tracker_;
	WriteTracker::Written waited_;	// told around the last standstill, and perhaps done after it
	Copier::Read live_;
	std::function<void(Copier::Step)> tick_;
	bool loose_;		// what is called copied may be older than what the device has
	bool still_ = false;
	uint64_t first_end_, last_start_;	// between them is what is copied in rounds
	uint64_t rounds_ = 0;
	std::chrono::milliseconds longest_{0};
	std::chrono::steady_clock::duration at_work_{0};
	Copier copier_;
};

} // namespace dm_remap::tool

#endif
