// SPDX-License-Identifier: GPL-2.0
// What is counted on the slow path. The healthy path counts nothing.
#ifndef DM_REMAP_CORE_COUNTERS_HH
#define DM_REMAP_CORE_COUNTERS_HH

#include <dm_remap/locks.hh>

#include <dm_remap/kernel_api.h>
#include <dm_remap/stats.h>

#include <array>
#include <type_traits>

namespace dm_remap {

// Occurrences lately, by buckets of time; the newest bucket is not over yet.
template <size_t buckets, uint64_t bucket_ns>
class Meter final {
public:
	void add(uint64_t now_ns, uint64_t n)
	{
		advance(now_ns / bucket_ns);
		buckets_[last_ % buckets] += n;
	}
	uint64_t sum(uint64_t now_ns)
	{
		uint64_t sum = 0;

		advance(now_ns / bucket_ns);
		for (uint64_t n : buckets_)
			sum += n;
		return sum;
	}
	// How long ago what sum() tells of begins.
	static constexpr uint64_t reach_ns(uint64_t now_ns) { return (buckets - 1) * bucket_ns + now_ns % bucket_ns; }

private:
	// Forget what has passed since the last call.
	void advance(uint64_t bucket)
	{
		uint64_t passed = bucket > last_ ? bucket - last_ : 0;

		for (uint64_t i = 1; i <= passed && i <= buckets; i++)
			buckets_[(last_ + i) % buckets] = 0;
		if (passed > 0)
			last_ = bucket;
	}

	std::array<uint64_t, buckets> buckets_{};
	uint64_t last_ = 0;
};

inline constexpr uint64_t minute_ns = 60'000'000'000ull;
using HourMeter = Meter<60, minute_ns>;
using DayMeter = Meter<24, 60 * minute_ns>;

// Survives table reloads: it lives in dmr_instance_persistent() memory, where all zeroes is a valid state.
struct CounterValues final {
	uint64_t read_errors = 0, write_errors = 0, flush_errors = 0;
	uint64_t remaps = 0;		// blocks
	uint64_t rescued = 0, moved = 0; // blocks: read with trouble and stored on a spare; from spare to spare
	uint64_t unrecovered = 0, untested = 0, slow_requests = 0, commits = 0, checkpoints = 0;
	uint64_t last_remap_time = 0, last_error_time = 0; // wall seconds
	HourMeter remaps_by_minute, errors_by_minute;
	DayMeter errors_by_hour;
	uint64_t begun_ns = 0;	 // when counting did; 0: not yet
	uint64_t in_a_row = 0;	 // reads, writes and flushes failed to the user, since a worker has served one well
};
static_assert(std::is_trivially_copyable_v<CounterValues>);

class Counters final {
public:
	// values: see CounterValues; outlives this.
	Error init(CounterValues *values)
	{
		values_ = values;
		if (!values_->begun_ns)
			begin();
		return lock_.init("dmr counters");
	}
	void destroy() { lock_.destroy(); }

	// All in any context.
	void error(dmr_op op)
	{
		SpinGuard guard(lock_);
		(op == DMR_OP_READ ? values_->read_errors : values_->write_errors)++;
		count_error();
	}
	// One that a user is told of.
	void flush_error()
	{
		SpinGuard guard(lock_);
		values_->flush_errors++;
		row(values_->in_a_row + 1);
		count_error();
	}
	// A read or write was failed to the user.
	void unrecovered()
	{
		SpinGuard guard(lock_);
		values_->unrecovered++;
		row(values_->in_a_row + 1);
	}
	// A worker has served a read, write or flush. Those that need none are not counted.
	void served_well()
	{
		// As a rule there is nothing to do.
		if (__atomic_load_n(&values_->in_a_row, __ATOMIC_RELAXED) == 0)
			return;
		SpinGuard guard(lock_);
		row(0);
	}
	// Answers whether these were the first ever.
	bool remapped(uint64_t blocks)
	{
		SpinGuard guard(lock_);
		bool first = values_->remaps == 0;

		values_->remaps += blocks;
		values_->remaps_by_minute.add(dmr_now_ns(), blocks);
		values_->last_remap_time = dmr_wall_seconds();
		return first;
	}
	void add(uint64_t CounterValues::*what, uint64_t n)
	{
		SpinGuard guard(lock_);
		values_->*what += n;
	}
	// Counters to zero; what is remapped stays so.
	void clear()
	{
		SpinGuard guard(lock_);
		*values_ = CounterValues{};
		begin();
	}
	// What was lately, for the message `health`.
	struct Recent {
		uint64_t errors_last_hour, errors_last_day;
		uint64_t minutes;	// of the last day, in which errors_last_day were counted
		uint64_t in_a_row;	// 0 also if nothing has failed for an hour
	};
	Recent recent()
	{
		SpinGuard guard(lock_);
		const uint64_t now = dmr_now_ns(), counted = now - values_->begun_ns, reach = DayMeter::reach_ns(now);
		const uint64_t hour = values_->errors_by_minute.sum(now);

		return { hour, values_->errors_by_hour.sum(now), (counted < reach ? counted : reach) / minute_ns, hour ? values_->in_a_row : 0 };
	}
	void snapshot(dmr_snapshot &out)
	{
		SpinGuard guard(lock_);
		uint64_t now = dmr_now_ns();

		out.read_errors = values_->read_errors;
		out.write_errors = values_->write_errors + values_->flush_errors;
		out.remaps = values_->remaps;
		out.rescued = values_->rescued;
		out.moved = values_->moved;
		out.remaps_last_hour = values_->remaps_by_minute.sum(now);
		out.errors_last_hour = values_->errors_by_minute.sum(now);
		out.unrecovered = values_->unrecovered;
		out.untested = values_->untested;
		out.pending_hits = values_->slow_requests;
		out.commits = values_->commits;
		out.checkpoints = values_->checkpoints;
		out.last_remap_time = values_->last_remap_time;
		out.last_error_time = values_->last_error_time;
	}

private:
	void row(uint64_t n) { __atomic_store_n(&values_->in_a_row, n, __ATOMIC_RELAXED); }
	void count_error()
	{
		const uint64_t now = dmr_now_ns();

		values_->errors_by_minute.add(now, 1);
		values_->errors_by_hour.add(now, 1);
		values_->last_error_time = dmr_wall_seconds();
	}
	void begin()
	{
		const uint64_t now = dmr_now_ns();

		values_->begun_ns = now ? now : 1;
	}

	Spinlock lock_;
	CounterValues *values_ = nullptr;
};

} // namespace dm_remap

#endif
