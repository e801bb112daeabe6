// SPDX-License-Identifier: GPL-2.0
// A user who knows what each of its sectors may hold: one thread writes and reads an area of main, another reads it
// meanwhile. The rules are the simulator's (sim_oracle.hh); there are no power cuts here.
#ifndef DMR_STRESS_TRACKER_HH
#define DMR_STRESS_TRACKER_HH

#include "plan.hh"
#include "sim/sim_oracle.hh"
#include "subject.hh"

#include <memory>
#include <mutex>
#include <vector>

namespace dm_remap::stress {

class Tracker final {
public:
	Tracker(Subject &subject, uint32_t number);
	~Tracker();
	Tracker(const Tracker &) = delete;
	Tracker &operator=(const Tracker &) = delete;

	void perform(const Action &action);	// of the owner, one after the other
	void look(const Action &action);	// of the other one
	// All of it, when nobody writes and no disk fails any more; the device may have been made anew.
	void read_all();
	void close();

private:
	struct Range {
		uint64_t start, count;	// sectors of the area
	};
	struct Buffer {
		void operator()(uint8_t *p) const;
	};
	struct Pending {
		uint64_t number;
		Range range;
		Moment submitted;
	};

	void open();
	Range range_of(const Action &action) const;
	void write(const Action &action, bool durable);
	void write_over_bad(const Action &action);
	void zeroes(Kind kind, const Range &range);
	void sync();
	bool read(Kind kind, const Range &range, uint8_t *buffer, bool errors);
	void change_begins(const Range &range);
	void change_ends(const Range &range);
	void finish(const Pending &write, bool ok);
	void wrong(const std::string &what, const Range &range, int error = 0);

	Subject &subject_;
	const uint64_t first_;		// of the area, on main
	const bool buffered_;
	int direct_ = -1, cached_ = -1;
	std::unique_ptr<uint8_t, Buffer> data_, seen_;	// of the owner and of the other one

	std::mutex mutex_;		// of what follows
	sim::Oracle oracle_;
	// By sector: changes begun, and those that have not ended. What is read meanwhile may be torn within a sector.
	std::vector<uint32_t> begun_, changing_;

	// The owner's alone.
	std::vector<Pending> pending_;	// in the page cache
	Moment last_syncs_[2] = {};	// when the last two were submitted
};

} // namespace dm_remap::stress

#endif
