// SPDX-License-Identifier: GPL-2.0
// What excuses an error: bounds that no engine can beat, and disks, metadata or memory that failed.
#include "sim_judge.hh"

#include <algorithm>

namespace dm_remap::sim {

using namespace host;

namespace {

constexpr uint32_t placement_rounds = 4; // spare blocks that a request tries for one of main, by docs/recovery.md
constexpr uint32_t control_blocks = 5;	 // of main, that a test of it tries

} // namespace

bool Judge::spare_trouble() const
{
	return std::any_of(spares_.begin(), spares_.end(), [&](SimDisk *disk) { return whole_disk_trouble(*disk); });
}

uint64_t Judge::data_sectors(const Request &r) const
{
	uint64_t sum = 0;

	for (const Member &member : members_) {
		const auto may_be = [&](const SimDisk *spare) { return spare && spare->options().sectors == member.sectors; };
		const bool closed = std::any_of(closed_.begin(), closed_.end(),
						[&](const Closed &c) { return c.table >= r.table && may_be(c.spare); });

		if (!may_be(missing_) && !closed)
			sum += member.data;
	}
	return sum;
}

// Could the pool or the map be full? Only blocks that ever failed can have taken spare blocks; those under way, or given
// up when a write failed elsewhere, are among them. An entry of the map is a block at least, and so is what a record adds to it.
bool Judge::exhausted(const Request &r) const
{
	const uint64_t blocks = bad_count_ / block_sectors_ + 1;
	const uint64_t data_blocks = data_sectors(r) / block_sectors_;

	return blocks + bad_spare_count_ / block_sectors_ + 1 >= data_blocks ||
	       blocks + bad_spare_count_ + most_sectors >= max_extents_;
}

// Of one block, after which all that main refused of the request goes back to main.
bool Judge::rounds_used_up(const Request &r) const
{
	return std::any_of(r.traces.begin(), r.traces.begin() + r.io.sectors,
			   [](const SectorTrace &t) { return t.spare_failures >= placement_rounds; });
}

// As docs/recovery.md says: whether main takes writes is asked of blocks that nobody is at work on, and without an answer the
// request fails. On a main as small as here there may be none of these.
bool Judge::no_control_block(const Request &r) const
{
	return r.io.status != DMR_STS_MEDIUM && r.io.sectors + r.beside >= main_.options().sectors * 3 / 4;
}

bool Judge::nowhere_to_put(const Request &r) const
{
	return spare_failures_ > r.spare_failures || flush_failures_ > r.flush_failures ||
	       world_.memory().failures() > r.table_lack_of_memory || spare_trouble() || whole_spare_ > r.whole_spare ||
	       rounds_used_up(r) || exhausted(r);
}

// Its remap, or the pending mark in place of which it was made, was in a record that could not be written.
bool Judge::in_doubt(const Request &r, uint32_t i) const
{
	const uint64_t sector = r.io.sector + i;
	const bool untried = r.traces[i].last == SectorTrace::untried;

	return doubt_[sector] >= r.table || (untried && ever_bad_[sector] && spare_failures_ > r.table_spare_failures);
}

bool Judge::read_excused(const Request &r, uint32_t i) const
{
	const SectorTrace &t = r.traces[i];
	const uint64_t sector = r.io.sector + i;

	if (in_doubt(r, i))
		return true;
	// Nothing was tried for what lives on a spare that is not there; the engine may have moved it there by itself.
	if (r.without_a_spare && (home_[sector] != Home::main || (t.last == SectorTrace::untried && ever_bad_[sector])))
		return true;
	if (was_lost(r, sector) && t.last == SectorTrace::untried)
		return true;
	if (lives_on_spare(sector, r.begun))
		return t.last == SectorTrace::spare_failed;
	return t.last == SectorTrace::main_failed || t.last == SectorTrace::spare_failed;
}

bool Judge::write_excused(const Request &r, uint32_t i) const
{
	const SectorTrace &t = r.traces[i];
	const uint64_t sector = r.io.sector + i;

	if (in_doubt(r, i))
		return true;
	switch (t.last) {
	case SectorTrace::untried:
		// What lives on a spare that is not there needs another place.
		return (was_lost(r, sector) || (r.without_a_spare && (home_[sector] != Home::main || ever_bad_[sector]))) &&
		       nowhere_to_put(r);
	case SectorTrace::main_ok:
		// It is lost as long as nobody has recorded that it is not.
		return flush_lost_for(r) || (was_lost(r, sector) && nowhere_to_put(r));
	case SectorTrace::main_failed:
		return flush_lost_for(r) || t.not_media || whole_disk_trouble(main_) || whole_main_ > r.whole_main ||
		       main_failures_ >= r.main_failures + control_blocks || no_control_block(r) || nowhere_to_put(r);
	case SectorTrace::spare_failed:
	case SectorTrace::spare_ok: // and its record could not be made
		return t.not_media || nowhere_to_put(r);
	}
	return false;
}

// May the record of a pending block not have been made?
bool Judge::recording_trouble(const Request &r) const
{
	// As docs/recovery.md says: what a recovery does not come to in that time stays untried.
	constexpr uint64_t most_ns = 20'000'000'000;

	return world_.now() - r.begun_ns > most_ns || spare_failures_ > r.table_spare_failures ||
	       world_.memory().failures() > r.table_lack_of_memory || whole_disk_trouble(main_) ||
	       whole_main_ > r.whole_main || main_failures_ > r.main_failures || exhausted(r);
}

} // namespace dm_remap::sim
