// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/main_test.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

Error MainTest::init(const Config &config)
{
	inst_ = config.inst;
	main_ = config.main;
	block_size_ = config.block_size;
	main_blocks_ = config.main_blocks;
	map_ = config.map;
	ranges_ = config.ranges;
	queue_ = config.queue;
	main_flush_ = config.main_flush;
	dmr_random_bytes(&random_, sizeof(random_));
	return lock_.init("dmr main test");
}

// A random block that the map says nothing of, outside what the caller doubts if main is large enough for that.
MainBlock MainTest::pick(MainBlock avoid, Blocks length)
{
	MainBlock block;

	for (uint32_t i = 0; i < 64; i++) {
		{
			SpinGuard guard(lock_);

			random_ = random_ * 6364136223846793005ull + 1442695040888963407ull;
			block = MainBlock((random_ >> 16) % main_blocks_.value);
		}
		if (block >= avoid && block < avoid + length)
			continue;
		if (!map_->lookup(block, block + Blocks(1)).found)
			break;
	}
	return block;
}

bool MainTest::reads(void *buffer, MainBlock avoid, Blocks length)
{
	for (uint32_t i = 0; i < tries; i++) {
		uint64_t sector = block_size_.to_sectors(pick(avoid, length)).value;
		dmr_status status = dmr_device_read(main_, sector, buffer, block_size_.sectors());

		if (status == DMR_STS_OK || status == DMR_STS_MEDIUM) {
			if (state() == State::gone)
				enter(State::ok);
			return true;
		}
	}
	enter(State::gone);
	return false;
}

// The block's own data, read after what was in flight to it has ended, so that no newer write is overwritten. Caller holds
// its range.
MainTest::Trial MainTest::ask(void *buffer, MainBlock block)
{
	uint64_t sector = block_size_.to_sectors(block).value;

	if (dmr_drain(inst_, dmr_now_ns() + drain_ns))
		return Trial::no_answer;
	if (map_->lookup(block, block + Blocks(1)).found)
		return Trial::not_made;
	if (dmr_device_read(main_, sector, buffer, block_size_.sectors()) != DMR_STS_OK)
		return Trial::no_answer;
	dmr_status status = main_flush_->write_durably(sector, buffer, block_size_.sectors());

	return status == DMR_STS_OK ? Trial::taken : Trial::refused;
}

MainTest::Trial MainTest::write_back(void *buffer, MainBlock block)
{
	uint32_t slot = ranges_->try_take(block, Blocks(1));

	if (slot == RangeTable::none)
		return Trial::not_made;
	Trial trial = ask(buffer, block);

	queue_->push_front(ranges_->release(slot));
	return trial;
}

bool MainTest::writes(void *buffer, MainBlock avoid, Blocks length)
{
	uint32_t refused = 0, unanswered = 0;

	// Blocks that others are at work on say nothing; there are not many of them.
	for (uint32_t i = 0; i < 4 * tries && refused < tries && unanswered < tries; i++) {
		Trial trial = write_back(buffer, pick(avoid, length));

		if (trial == Trial::taken) {
			write_succeeded();
			return true;
		}
		refused += trial == Trial::refused;
		unanswered += trial == Trial::no_answer;
	}
	// Anything less is no proof.
	if (reads(buffer, avoid, length) && refused == tries)
		enter(State::read_only);
	return false;
}

void MainTest::write_succeeded()
{
	__atomic_store_n(&failures_, 0, __ATOMIC_RELAXED);
	if (state() != State::ok)
		enter(State::ok);
}

void MainTest::write_failed(uint32_t blocks)
{
	SpinGuard guard(lock_);

	__atomic_store_n(&failures_, failures_ + blocks, __ATOMIC_RELAXED);
}

void MainTest::enter(State state)
{
	{
		SpinGuard guard(lock_);

		if (state_ == static_cast<uint8_t>(state))
			return;
		__atomic_store_n(&state_, static_cast<uint8_t>(state), __ATOMIC_RELAXED);
	}
	if (state == State::gone) {
		dmr_log(inst_, DMR_LOG_ERR, "main does not answer: no block is remapped until it does; check its cable and power");
		dmr_event(inst_, DMR_EVENT_MAIN_GONE);
	} else if (state == State::read_only) {
		dmr_log(inst_, DMR_LOG_ERR, "main refuses every write: it has turned read-only, no block is remapped; copy the data away and replace it");
		dmr_event(inst_, DMR_EVENT_MAIN_READ_ONLY);
	} else {
		dmr_log(inst_, DMR_LOG_INFO, "main answers again");
	}
}

} // namespace dm_remap
