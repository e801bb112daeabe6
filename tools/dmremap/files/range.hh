// SPDX-License-Identifier: GPL-2.0
// Ranges of a device, and sets of them. In sectors of 512 bytes unless it is said otherwise.
#ifndef DMREMAP_FILES_RANGE_HH
#define DMREMAP_FILES_RANGE_HH

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace dm_remap::tool {

struct Range {
	uint64_t start = 0, count = 0;

	uint64_t end() const { return start + count; }
	bool operator==(const Range &) const = default;
};

// Empty (count 0) if they have nothing in common.
inline Range common(const Range &a, const Range &b)
{
	const uint64_t start = std::max(a.start, b.start), end = std::min(a.end(), b.end());

	return start < end ? Range{start, end - start} : Range{};
}

// In order, and none touches another.
class RangeSet final {
public:
	RangeSet() = default;
	explicit RangeSet(std::vector<Range> ranges)
	{
		std::sort(ranges.begin(), ranges.end(), [](const Range &a, const Range &b) { return a.start < b.start; });
		for (const Range &range : ranges)
			append(range);
	}

	const std::vector<Range> &ranges() const & { return ranges_; }
	// Of one that is gone when a loop over them begins.
	std::vector<Range> ranges() && { return std::move(ranges_); }
	bool empty() const { return ranges_.empty(); }
	// Units in all.
	uint64_t count() const
	{
		uint64_t out = 0;

		for (const Range &range : ranges_)
			out += range.count;
		return out;
	}

	// What it has of `whole`, in order.
	template <typename F>
	void each_within(const Range &whole, F f) const
	{
		for (auto at = after(whole.start); at != ranges_.end() && at->start < whole.end(); ++at)
			if (const Range part = common(*at, whole); part.count)
				f(part);
	}
	bool any_within(const Range &whole) const
	{
		const auto at = after(whole.start);

		return at != ranges_.end() && at->start < whole.end();
	}
	// What it has and `other` has not.
	RangeSet without(const RangeSet &other) const
	{
		RangeSet out;

		for (const Range &range : ranges_) {
			uint64_t at = range.start;

			other.each_within(range, [&](const Range &taken) {
				out.append({at, taken.start - at});
				at = taken.end();
			});
			out.append({at, range.end() - at});
		}
		return out;
	}
	// Each range widened to whole units of this size.
	RangeSet rounded_out(uint64_t unit) const
	{
		std::vector<Range> out;

		for (const Range &range : ranges_) {
			const uint64_t start = range.start / unit * unit;

			out.push_back({start, (range.end() + unit - 1) / unit * unit - start});
		}
		return RangeSet(std::move(out));
	}

private:
	// The first that ends after it.
	std::vector<Range>::const_iterator after(uint64_t at) const
	{
		return std::upper_bound(ranges_.begin(), ranges_.end(), at, [](uint64_t value, const Range &range) { return value < range.end(); });
	}
	void append(const Range &range)
	{
		if (!range.count)
			return;
		if (ranges_.empty() || ranges_.back().end() < range.start)
			ranges_.push_back(range);
		else
			ranges_.back().count = std::max(ranges_.back().end(), range.end()) - ranges_.back().start;
	}

	std::vector<Range> ranges_;
};

} // namespace dm_remap::tool

#endif
