// SPDX-License-Identifier: GPL-2.0
// Is it the block that fails, or main as a whole? Asked before anything is spent on the answer "the block".
//
// A control block elsewhere, chosen anew each time (any fixed one may itself be bad), must do what the failing block did
// not: be read, or take its own data written back.
#ifndef DM_REMAP_CORE_MAIN_TEST_HH
#define DM_REMAP_CORE_MAIN_TEST_HH

#include "core/map/durable_map.hh"
#include "core/map/main_flush.hh"
#include "core/recovery/range_table.hh"
#include "core/recovery/request_queue.hh"

#include <dm_remap/units.hh>

namespace dm_remap {

class MainTest final {
public:
	enum class State : uint8_t { ok, read_only, gone };

	struct Config {
		dmr_instance *inst;
		dmr_device *main;
		BlockSize block_size;
		Blocks main_blocks;
		DurableMap *map;
		RangeTable *ranges;
		RequestQueue *queue;
		MainFlush *main_flush;
	};

	Error init(const Config &config);
	void destroy() { lock_.destroy(); }

	// buffer: one block, the worker's own. [avoid, avoid + length) is the range that the caller holds and doubts.
	// Both: process, may block; they log and send events when the answer changes.
	bool reads(void *buffer, MainBlock avoid, Blocks length);
	bool writes(void *buffer, MainBlock avoid, Blocks length);

	// A physical block of main took a write, or so many refused one for good. process.
	void write_succeeded();
	void write_failed(uint32_t blocks = 1);
	// Those that have refused writes since the last that took one.
	uint32_t failures() const { return __atomic_load_n(&failures_, __ATOMIC_RELAXED); }

	State state() const { return static_cast<State>(__atomic_load_n(&state_, __ATOMIC_RELAXED)); }

private:
	static constexpr uint32_t tries = 5;

	// What a control block said: it took its data, or refused it; it could not be read, or what was in flight did not end;
	// or it was not asked, as somebody else is at work on it.
	enum class Trial : uint8_t { taken, refused, no_answer, not_made };

	MainBlock pick(MainBlock avoid, Blocks length);
	Trial ask(void *buffer, MainBlock block);
	Trial write_back(void *buffer, MainBlock block);
	void enter(State state);

	dmr_instance *inst_ = nullptr;
	dmr_device *main_ = nullptr;
	BlockSize block_size_;
	Blocks main_blocks_;
	DurableMap *map_ = nullptr;
	RangeTable *ranges_ = nullptr;
	RequestQueue *queue_ = nullptr;
	MainFlush *main_flush_ = nullptr;
	Spinlock lock_;
	uint64_t random_ = 0;
	uint32_t failures_ = 0;
	uint8_t state_ = 0;
};

} // namespace dm_remap

#endif
