// SPDX-License-Identifier: GPL-2.0
#include "copy_map.hh"

#include <algorithm>
#include <iterator>

namespace dm_remap::tool {

CopyMap::CopyMap(uint64_t sectors, CopyState state) : size_(sectors)
{
	if (!size_)
		return;
	begins_.emplace(0, state);
	totals_[static_cast<size_t>(state)] = size_;
}

uint64_t CopyMap::end_of(std::map<uint64_t, CopyState>::const_iterator run) const
{
	return ++run == begins_.end() ? size_ : run->first;
}

CopyState CopyMap::at(uint64_t sector) const
{
	return run_at(sector)->second;
}

// A run begins there, whatever is before it.
void CopyMap::split(uint64_t sector)
{
	if (sector < size_)
		begins_.emplace(sector, at(sector));
}

void CopyMap::set(uint64_t start, uint64_t end, CopyState state)
{
	end = std::min(end, size_);
	if (start >= end)
		return;
	split(start);
	split(end);
	for (auto run = begins_.find(start); run != begins_.end() && run->first < end; run = begins_.erase(run))
		totals_[static_cast<size_t>(run->second)] -= end_of(run) - run->first;
	totals_[static_cast<size_t>(state)] += end - start;
	const auto own = begins_.emplace(start, state).first;

	if (const auto after = std::next(own); after != begins_.end() && after->second == state)
		begins_.erase(after);
	if (own != begins_.begin() && std::prev(own)->second == state)
		begins_.erase(own);
}

void CopyMap::change(CopyState from, CopyState to)
{
	uint64_t at = 0;

	for (std::optional<Run> run; (run = next(from, at)); at = run->end)
		set(run->start, run->end, to);
}

std::optional<CopyMap::Run> CopyMap::next(CopyState state, uint64_t from) const
{
	if (from >= size_)
		return {};
	for (auto run = run_at(from); run != begins_.end(); ++run)
		if (run->second == state)
			return Run{std::max(run->first, from), end_of(run), state};
	return {};
}

void CopyMap::each(const std::function<void(const Run &)> &f) const
{
	for (auto run = begins_.begin(); run != begins_.end(); ++run)
		f({run->first, end_of(run), run->second});
}

} // namespace dm_remap::tool
