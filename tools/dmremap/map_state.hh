// SPDX-License-Identifier: GPL-2.0
// A map that is about to be written: what a checkpoint would hold, kept by the product's own index and pool.
#ifndef DMREMAP_MAP_STATE_HH
#define DMREMAP_MAP_STATE_HH

#include "core/index/extent_index.hh"
#include "core/map/spare_allocator.hh"
#include "metadata/codec.hh"

namespace dm_remap::tool {

class MapState final {
public:
	// Of a set with these members. Throws std::bad_alloc.
	explicit MapState(const dmr_setup &setup);
	~MapState();
	MapState(const MapState &) = delete;
	MapState &operator=(const MapState &) = delete;

	// Null, or why it cannot be: it is out of its limits, or contradicts what was added before. map, pending, lost, bad spare.
	const char *add(const dmr_record &record);

	const ExtentIndex &index() const { return index_; }
	const SpareAllocator &spares() const { return spares_; }
	uint64_t entries() const { return index_.extents() + spares_.bad_runs(); }
	// For a checkpoint: first the index, then the bad spare blocks. Rewinds itself.
	dmr_record_source source();

private:
	bool next(dmr_record &out);

	metadata::RecordLimits limits_;
	ExtentIndex index_;
	SpareAllocator spares_;
	MainBlock at_;
	uint32_t member_ = 0;
	uint64_t from_ = 0;
};

} // namespace dm_remap::tool

#endif
