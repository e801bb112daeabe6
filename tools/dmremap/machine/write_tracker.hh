// SPDX-License-Identifier: GPL-2.0
// Which sectors of a device that is in use are written, as the kernel's own trace of block devices tells it: nothing has to be put
// between the device and its users for that, and what has lost track of something says so.
//
// A write is told when it is submitted. To know that it has ended too, the device has to stand still once after that.
#ifndef DMREMAP_MACHINE_WRITE_TRACKER_HH
#define DMREMAP_MACHINE_WRITE_TRACKER_HH

#include "copy_map.hh"
#include "os/fd.hh"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

namespace dm_remap::tool {

class WriteTracker final {
public:
	// Of the device MAJOR:MINOR with so many sectors, from here on. name: tells it from other traces; what a killed run has left
	// under this name is removed. Throws std::system_error: the kernel's trace cannot be had.
	WriteTracker(const std::string &number, uint64_t sectors, const std::string &name);
	~WriteTracker();
	WriteTracker(const WriteTracker &) = delete;
	WriteTracker &operator=(const WriteTracker &) = delete;

	struct Written {
		CopyMap map;	// todo: was written
		bool lost;	// something was, and nobody knows what
	};
	// What was submitted since the last call, all of it.
	Written take();
	// Was something there written since the last take()? Where track was lost it may have been.
	bool touched(uint64_t start, uint64_t end);
	// How many sectors were written since.
	uint64_t amount();

private:
	void set(const std::string &file, const std::string &value) const;
	void drain();
	std::optional<uint64_t> dropped() const;
	bool losing(const std::optional<uint64_t> &dropped) const;
	void watch();
	void remove();

	std::string folder_;
	Fd pipe_;
	std::mutex lock_;	// of what follows
	CopyMap written_;
	bool lost_ = false;
	uint64_t dropped_ = 0;	// that were told
	std::atomic<bool> end_ = false;
	std::thread thread_;
};

} // namespace dm_remap::tool

#endif
