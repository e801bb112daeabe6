// SPDX-License-Identifier: GPL-2.0
// What went wrong when, and which errors it explains.
//
// A fault is noted before it is made, and its end after it is gone. One that was there at any moment between a request's
// submission and its end may be the reason why that failed.
#ifndef DMR_STRESS_FAULTS_HH
#define DMR_STRESS_FAULTS_HH

#include <cstdint>
#include <mutex>
#include <vector>

namespace dm_remap::stress {

// Nanoseconds, monotonic.
using Moment = uint64_t;
Moment now();
inline constexpr Moment ever = ~Moment(0);

struct Span {
	Moment from, to;
	bool touches(Moment begun, Moment ended) const { return from <= ended && to >= begun; }
};

// Of one remap device.
class Faults final {
public:
	explicit Faults(uint64_t main_sectors) : main_(main_sectors) {}

	// Sectors of main that refuse writes from some moment after now, and reads too: once written they live on a spare.
	void main_bad(uint64_t start, uint64_t count, bool reads);
	// By now these refuse both.
	void main_is_bad(uint64_t start, uint64_t count);
	// Main gives these again, if they were bad at that moment. What somebody else has made bad since stays so.
	void main_good(uint64_t start, uint64_t count, Moment bad_until);
	// A write that succeeded: those that were bad for sure when it was submitted live on a spare now.
	void written(uint64_t start, uint64_t count, Moment submitted);

	// spare_gone: what lives there may be unreadable, and a flush fail. main_flush: main fails flushes, and where that is how a
	// write is made durable it cannot show that it takes one: it counts as read-only, nothing is remapped. all_gone: no spare
	// takes anything; until the table has been loaded again the map may not know where a block is.
	enum class What : uint8_t { spare_gone, spare_flush, main_flush, all_gone };
	uint32_t begin(What what);
	void end(uint32_t number);

	bool explains_read(uint64_t start, uint64_t count, Moment begun, Moment ended) const;
	bool explains_write(uint64_t start, uint64_t count, Moment begun, Moment ended) const;
	// since: when the user's last flush but one was submitted. What a flush of the engine's own has lost the next one tells.
	bool explains_flush(Moment since, Moment ended) const;

private:
	struct Sector {
		bool moved = false;	// it was bad: it may live on a spare
		Span unreadable{ever, 0};
		Moment surely = ever;	// since when it cannot be read, and not only may be so soon
	};
	struct Fault {
		What what;
		Span span;
	};

	bool any(What what, Moment begun, Moment ended) const;
	bool moved(uint64_t start, uint64_t count) const;

	mutable std::mutex mutex_;
	std::vector<Sector> main_;
	std::vector<Fault> faults_;
};

} // namespace dm_remap::stress

#endif
