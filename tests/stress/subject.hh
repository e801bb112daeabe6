// SPDX-License-Identifier: GPL-2.0
// One of the remap devices under stress, its disks, and what an administrator does with it.
#ifndef DMR_STRESS_SUBJECT_HH
#define DMR_STRESS_SUBJECT_HH

#include "disk.hh"
#include "dm.hh"
#include "faults.hh"
#include "watch.hh"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace dm_remap::stress {

// A table line, to be changed.
struct Line {
	uint64_t sectors = 0;
	std::vector<std::string> place;		// main, spare, its start, its length
	std::vector<std::string> features;

	static Line parse(const Target &target);
	std::vector<Target> table() const;
	void add_spare(const Disk &disk);
	void set_read_retries(uint32_t times);
};

// Calls answer 0 or an errno.
class Subject final {
public:
	// disks: main and the spares.
	Subject(Side side, std::vector<std::unique_ptr<Disk>> disks, Watch &watch);

	const Side side;
	Watch &watch;
	Faults faults;

	// Also after the device was made anew.
	void find();
	const std::string &path() const { return path_; }
	Disk &main() { return *disks_[0]; }
	Disk &spare(uint32_t number) { return *disks_[1 + number]; }
	// Where on a spare the blocks begin.
	uint64_t data_start() const { return data_start_; }

	// What only asks, and suspends. Tables and names: below.
	Mapped &dm() { return dm_; }
	int line(Line &line);
	int load(const Line &line);
	int clear();
	int rename(const std::string &from, const std::string &to);
	// Whoever suspends or loads resumes, whatever goes wrong meanwhile: tries again, with the table that there was when it
	// does not start. False: in vain.
	bool resume();
	// The same table once more. Refused, it leaves the device as it is.
	int reload();

	// What the status says of the members: by spare, "" if it is none.
	std::array<std::string, spares> states();
	bool is_member(uint32_t number) { return !states()[number].empty(); }
	// Until no spare is being removed. False: that came to no end, or does not go on.
	bool wait_for_job();
	// Until each member is active; tables are loaded for that, which waits for a job. False: in vain.
	bool settle();

	// Faults of main, noted.
	void main_bad(uint64_t start, uint64_t sectors, bool reads);
	void main_good(uint64_t start, uint64_t sectors);
	// What the machine does not do as it is told ends the test.
	void must(bool done, const char *what);

private:
	Mapped dm_;
	// What device-mapper remembers of tables for IMA (dm-ima.c; 6.1, 6.12) has no lock of its own and may be freed twice: tables
	// and names are changed one at a time, and in an order that it stands.
	std::mutex tables_;
	bool cleared_ = false;
	std::vector<std::unique_ptr<Disk>> disks_;
	std::string path_;
	uint64_t data_start_ = 0;
};

} // namespace dm_remap::stress

#endif
