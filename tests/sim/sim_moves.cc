// SPDX-License-Identifier: GPL-2.0
// What the engine moves by itself, what it cannot read, and what is not known of either.
#include "sim_judge.hh"

#include <algorithm>

namespace dm_remap::sim {

using namespace host;

// Of a command for more than a physical block nobody can tell what has failed.
void Judge::unreadable(const DeviceIo &io)
{
	if (io.sectors > block_sectors_ && physical_block(io.sector) != physical_block(io.sector + io.sectors - 1))
		return;
	std::fill_n(unreadable_.begin() + static_cast<ptrdiff_t>(io.sector), io.sectors, true);
}

// Data goes back to main, perhaps. A write whose part for one of these sectors has ended on its spare may be under way for others.
void Judge::given_back(const DeviceIo &io)
{
	for (uint64_t s = io.sector; s < io.sector + io.sectors; s++) {
		if (home_[s] == Home::spare)
			home_[s] = Home::maybe;
		for (Request *r : under_way_) {
			if (s >= r->io.sector && s < r->io.sector + r->io.sectors)
				r->traces[s - r->io.sector].given_back = true;
		}
	}
}

// A record could not be written: those of all requests that have placed their data may be in it.
void Judge::records_in_doubt()
{
	for (uint64_t sector : moved_)
		doubt_[sector] = table_;
	for (uint64_t s = 0; patrolled_ && s < ever_bad_.size(); s++) {
		if (ever_bad_[s])
			doubt_[s] = table_;
	}
	for (const Request *r : under_way_) {
		const bool read = r->io.op == DMR_OP_READ;

		if (r->io.op == DMR_OP_FLUSH || r->io.op == DMR_OP_DISCARD)
			continue;
		for (uint32_t i = 0; i < r->io.sectors; i++) {
			// What was read with trouble may be on its way to a spare.
			if (read ? !r->traces[i].main_refused : r->traces[i].last != SectorTrace::spare_ok)
				continue;
			in_doubt_seen += doubt_[r->io.sector + i] != table_;
			pending_[r->io.sector + i] = false;
			doubt_[r->io.sector + i] = table_;
		}
	}
}

std::string Judge::check_pending(uint64_t pending_sectors) const
{
	std::vector<bool> known = pending_;

	for (const Request *r : under_way_) {
		for (uint32_t i = 0; i < r->io.sectors; i++)
			known[r->io.sector + i] = false;
	}
	const auto count = static_cast<uint64_t>(std::count(known.begin(), known.end(), true));

	const auto most = static_cast<uint64_t>(std::count(unreadable_.begin(), unreadable_.end(), true));

	if (pending_sectors > most)
		return std::to_string(pending_sectors) + " sectors are pending, the device says, and no more than " + std::to_string(most) + " were ever unreadable";
	if (count <= pending_sectors)
		return "";
	return std::to_string(count) + " sectors are known to be pending, the device says " + std::to_string(pending_sectors);
}

void Judge::by_hand(uint64_t first, uint64_t end, bool takes_healthy)
{
	first = physical_block(first).first;
	end = physical_block(end - 1).second;
	// They may take spare blocks, though they never failed.
	if (takes_healthy)
		faults_injected(main_, first, end - first);
	by_hand_.push_back({ first, end });
	for (uint64_t s = first; s < end; s++) {
		if (takes_healthy || ever_bad_[s])
			moved_.push_back(s);
	}
}

void Judge::hand_over()
{
	for (const auto &[first, end] : by_hand_)
		std::fill(settled_.begin() + static_cast<ptrdiff_t>(first), settled_.begin() + static_cast<ptrdiff_t>(end), now_);
	by_hand_.clear();
}

bool Judge::moved_by_hand(uint64_t sector) const
{
	return patrolled_ || std::any_of(by_hand_.begin(), by_hand_.end(), [&](const auto &range) { return sector >= range.first && sector < range.second; });
}

} // namespace dm_remap::sim
