// SPDX-License-Identifier: GPL-2.0
// How far the copy of a device is, sector by sector: what is still to be copied, what was, what could not be read.
#ifndef DMREMAP_COPY_MAP_HH
#define DMREMAP_COPY_MAP_HH

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>

namespace dm_remap::tool {

enum class CopyState : uint8_t {
	todo,		// not copied, or written since
	skipped,	// a large read there has failed: to be read in smaller pieces
	bad,		// tried block by block: cannot be read
	copied,		// and not yet compared
	verified,	// read back from the new disk, and the same
};
inline constexpr size_t copy_states = 5;

class CopyMap final {
public:
	struct Run {
		uint64_t start, end;	// sectors; end: the first behind it
		CopyState state;

		uint64_t sectors() const { return end - start; }
		bool operator==(const Run &) const = default;
	};

	// All of it in one state.
	explicit CopyMap(uint64_t sectors, CopyState state = CopyState::todo);

	uint64_t sectors() const { return size_; }
	// How many sectors are in it.
	uint64_t sectors(CopyState state) const { return totals_[static_cast<size_t>(state)]; }
	CopyState at(uint64_t sector) const;
	// What of it lies beyond the end is left out.
	void set(uint64_t start, uint64_t end, CopyState state);
	// Everything that is in the one state is in the other.
	void change(CopyState from, CopyState to);
	// The first run in this state that ends behind `from`, from there on; no value: there is none.
	std::optional<Run> next(CopyState state, uint64_t from = 0) const;
	// In order. Neighbours are in different states, and nothing is left out.
	void each(const std::function<void(const Run &)> &f) const;
	size_t runs() const { return begins_.size(); }

private:
	std::map<uint64_t, CopyState>::const_iterator run_at(uint64_t sector) const { return --begins_.upper_bound(sector); }
	uint64_t end_of(std::map<uint64_t, CopyState>::const_iterator run) const;
	void split(uint64_t sector);

	uint64_t size_;
	std::map<uint64_t, CopyState> begins_; // of runs; where it is not empty, one begins at 0
	std::array<uint64_t, copy_states> totals_ = {};
};

} // namespace dm_remap::tool

#endif
