// SPDX-License-Identifier: GPL-2.0
// Runs of blocks that neither overlap nor touch, in order, where a bit for each block would take more than the runs do.
//
// They lie in pages of 4 KiB, each at least half full but for what was removed: 16 to 32 bytes a run.
#ifndef DM_REMAP_SPARE_POOL_RUN_SET_HH
#define DM_REMAP_SPARE_POOL_RUN_SET_HH

#include <dm_remap/result.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap::pool {

class RunSet final {
public:
	// Of all sets that share it.
	struct Budget {
		uint64_t bytes_left;
	};
	struct Found {
		uint64_t start, end;

		constexpr bool empty() const { return start == end; }
	};

	RunSet() = default;
	RunSet(const RunSet &) = delete;
	RunSet &operator=(const RunSet &) = delete;

	void destroy(Budget &budget);

	// How many blocks are in it.
	uint64_t count() const { return count_; }
	// The first run that ends beyond `from`, without what lies before that; empty if there is none.
	Found next(uint64_t from) const;
	bool overlaps(uint64_t from, uint64_t end) const
	{
		const Found found = next(from);

		return !found.empty() && found.start < end;
	}
	bool contains(uint64_t from, uint64_t end) const
	{
		const Found found = next(from);

		return found.start == from && found.end >= end;
	}

	// None of it is in the set. ENOMEM, E2BIG beyond the budget; then nothing has changed.
	Error add(uint64_t from, uint64_t end, Budget &budget);
	// All of it is. Errors as above: removing the middle of a run leaves one more.
	Error remove(uint64_t from, uint64_t end, Budget &budget);

private:
	struct Run {
		uint64_t start, end;
	};
	static constexpr size_t page_bytes = 4096;
	static constexpr uint32_t page_runs = page_bytes / sizeof(Run) - 1;
	struct Page {
		uint32_t count;
		Run runs[page_runs];
	};
	static_assert(sizeof(Page) <= page_bytes);
	// Of a run; of the place behind the last one: the last page, and its count.
	struct Place {
		uint32_t page, index;
	};

	bool at_end(Place place) const { return place.page == pages_ || place.index == table_[place.page]->count; }
	Run &run(Place place) const { return table_[place.page]->runs[place.index]; }
	// The first run that ends beyond `from`.
	Place find(uint64_t from) const;
	// The one before, or NULL.
	Run *before(Place place) const;
	Error insert(Place place, Run added, Budget &budget);
	void erase(Place place, Budget &budget);
	// An empty page in this place of the table.
	Error add_page(uint32_t at, Budget &budget);
	Error grow_table(Budget &budget);

	Page **table_ = nullptr;
	uint32_t pages_ = 0, room_ = 0;	// in the table: pages, and places for them
	uint64_t count_ = 0;
};

} // namespace dm_remap::pool

#endif
