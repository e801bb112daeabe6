// SPDX-License-Identifier: GPL-2.0
// What each sector of the mapped device may hold. Knows users' I/Os, their times and their results, and nothing of the
// engine.
//
// The rules, all drawn from one kind of knowledge, a *fact*: "at some moment between `from` and `to` the sector held this
// value". A write that succeeded is one (from its submission to its completion), a read that returned data is one.
//
//   Without a power cut: a version whose write had ended before a fact about another value began is not seen by a read
//   that begins after the fact.
//   After a cut: the same, if the fact is durable: told by a write with FUA or one that remapped, by a read of what an
//   earlier boot left, or older than the submission of a flush that succeeded. Everything else may be there.
//   A flush that fails tells that what was written until then may be lost for good: none that is submitted from then on makes
//   it durable.
//
// A write that failed (and a discard) may have taken effect or not; it is no fact, until a read returns it.
#ifndef DMR_SIM_ORACLE_HH
#define DMR_SIM_ORACLE_HH

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dm_remap::sim {

// A moment: the number of what the users did so far.
using Tick = uint64_t;
inline constexpr Tick never = ~Tick(0);

// What fills a sector: 0 for zeroes, else the number of the write. Sector and number are in the data, so that misplaced
// and mixed data is noticed.
using Value = uint64_t;
void fill_sector(void *data, uint64_t sector, Value value);
// What a sector that a read has returned holds; never_written for anything that no write of this sector can have left.
inline constexpr Value never_written = ~Value(0);
Value value_of(const void *data, uint64_t sector);

class Oracle final {
public:
	explicit Oracle(uint64_t sectors) : sectors_(sectors) {}

	Tick now() const { return now_; }
	Tick tick() { return ++now_; }

	// A write's submission. Value 0: zeroes are written. Answers the write's number: for a write of data, its value.
	uint64_t begin_write(uint64_t sector, uint32_t count, bool zeroes);
	// Numbers are given out here; data can be filled in before.
	uint64_t next_number() const { return numbers_ + 1; }
	// Its end. durable(sector) is asked only if it succeeded.
	void end_write(uint64_t number, uint64_t sector, uint32_t count, bool ok, const std::function<bool(uint64_t)> &durable);

	Tick begin_read();
	void end_read(Tick begun);	// with or without data; before it, check what came
	// "" or what is wrong. The read has begun at `begun` and ends now.
	std::string check(Tick begun, uint64_t sector, const void *data);

	Tick begin_flush() { return ++now_; }
	// late: nobody knows whether it reached the device before or after one that failed meanwhile was told.
	void flushed(Tick begun, bool late);
	// Its user is told now. others: those that are under way fail as well, or mean what they say; otherwise nothing is known.
	void flush_failed(bool others);

	// The power has gone; nothing that was under way ends.
	void power_cut();

private:
	struct Span {
		Tick from, to;
	};
	struct Version {
		uint64_t number;	// of the write; 0 for what was there in the beginning
		Value value;
		Tick submitted, ended;
		Tick hidden = never;	// the end of the first fact that came after it
		Tick covered = never;	// of the first that a flush can make durable
		std::vector<Span> promised{};	// by a flush that begins in one of these, though another failed at its end
		bool succeeded = false;	// its write, in this boot or an earlier one
		bool told = false;	// a flush failed since it was submitted: none can make it durable
		bool lost = false;	// and a power cut does not bring it back
	};
	using Versions = std::vector<Version>; // empty: zeroes since the beginning

	Versions &versions(uint64_t sector);
	void fact(Versions &all, Value value, Tick from, Tick to, bool durable);
	void prune(Versions &all) const;
	std::string describe(uint64_t sector, Value value, Tick begun, const Versions &all) const;

	std::vector<Versions> sectors_;
	std::vector<Tick> reads_;	// begun and not ended
	Tick now_ = 0, boot_ = 0;
	uint64_t numbers_ = 0;
};

} // namespace dm_remap::sim

#endif
