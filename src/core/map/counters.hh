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

// Occurrences in the last 60 minutes, by the minute.
class HourMeter final {
public:
	void add(uint64_t now_ns, uint64_t n)
	{
		advance(minute_of(now_ns));
		buckets_[last_minute_ % buckets_.size()] += n;
	}
	uint64_t last_hour(uint64_t now_ns)
	{
		uint64_t sum = 0;

		advance(minute_of(now_ns));
		for (uint64_t n : buckets_)
			sum += n;
		return sum;
	}

private:
	static constexpr uint64_t minute_of(uint64_t ns) { return ns / 60'000'000'000ull; }

	// Forget the minutes that have passed since the last call.
	void advance(uint64_t minute)
	{
		uint64_t passed = minute > last_minute_ ? minute - last_minute_ : 0;

		for (uint64_t i = 1; i <= passed && i <= buckets_.size(); i++)
			buckets_[(last_minute_ + i) % buckets_.size()] = 0;
		if (passed > 0)
			last_minute_ = minute;
	}

	std::array<uint64_t, 60> buckets_{};
	uint64_t last_minute_ = 0;
};

// Survives table reloads: it lives in dmr_instance_persistent() memory, where all zeroes is a valid state.
struct CounterValues final {
	uint64_t read_errors = 0, write_errors = 0, flush_errors = 0;
	uint64_t remaps = 0;		// blocks
	uint64_t rescued = 0, moved = 0; // blocks: read with trouble and stored on a spare; from spare to spare
	uint64_t unrecovered = 0, untested = 0, slow_requests = 0, commits = 0, checkpoints = 0;
	uint64_t last_remap_time = 0, last_error_time = 0; // wall seconds
	HourMeter remaps_by_minute, errors_by_minute;
};
static_assert(std::is_trivially_copyable_v<CounterValues>);

class Counters final {
public:
	// values: see CounterValues; outlives this.
	Error init(CounterValues *values)
	{
		values_ = values;
		return lock_.init("dmr counters");
	}
	void destroy() { lock_.destroy(); }

	// All in any context.
	void error(dmr_op op)
	{
		SpinGuard guard(lock_);
		(op == DMR_OP_READ ? values_->read_errors : values_->write_errors)++;
		values_->errors_by_minute.add(dmr_now_ns(), 1);
		values_->last_error_time = dmr_wall_seconds();
	}
	void flush_error()
	{
		SpinGuard guard(lock_);
		values_->flush_errors++;
		values_->errors_by_minute.add(dmr_now_ns(), 1);
		values_->last_error_time = dmr_wall_seconds();
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
		out.remaps_last_hour = values_->remaps_by_minute.last_hour(now);
		out.errors_last_hour = values_->errors_by_minute.last_hour(now);
		out.unrecovered = values_->unrecovered;
		out.untested = values_->untested;
		out.pending_hits = values_->slow_requests;
		out.commits = values_->commits;
		out.checkpoints = values_->checkpoints;
		out.last_remap_time = values_->last_remap_time;
		out.last_error_time = values_->last_error_time;
	}

private:
	Spinlock lock_;
	CounterValues *values_ = nullptr;
};

} // namespace dm_remap

#endif
