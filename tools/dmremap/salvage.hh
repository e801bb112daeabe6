// SPDX-License-Identifier: GPL-2.0
// What can be known of a map whose load is refused, and where nothing can be known.
//
// A checkpoint is in the order of main, so a unit that is lost in all copies leaves a hole between the last record before it and the
// first one behind: within it, and nowhere else, the newest checkpoint is silent. The older one, and the log that led from it to the
// newest, speak for the hole, as far as they are whole. Then the newest log is replayed.
#ifndef DMREMAP_SALVAGE_HH
#define DMREMAP_SALVAGE_HH

#include "core/index/extent_index.hh"
#include "metadata/codec.hh"
#include "set_reader.hh"

#include <vector>

namespace dm_remap::tool {

struct Hole {
	MainBlock start;
	Blocks length;
};

class Salvage final {
public:
	// Reads all members that are believed.
	explicit Salvage(const SetReader &set);
	~Salvage();
	Salvage(const Salvage &) = delete;
	Salvage &operator=(const Salvage &) = delete;

	const ExtentIndex &index() const { return index_; }
	const std::vector<dmr_spare_extent> &bad() const { return bad_; }
	// Higher than any that was seen.
	uint64_t generation() const { return generation_; }

	// Blocks of main of which nobody knows whether they are remapped.
	std::vector<Hole> holes() const;
	// Commits, by generation, that are lost as a whole: each was about up to 164 runs of blocks, and nobody knows which.
	const std::vector<uint64_t> &lost_commits() const { return lost_commits_; }
	// Records of bad spare blocks may be missing.
	bool bad_lost() const { return bad_lost_; }

private:
	struct Unit {
		uint32_t index;
		bool good;
		uint64_t generation;
		size_t first, end;	// of the records
	};
	struct Part {
		bool head = false;
		uint64_t generation = 0;
		std::vector<Unit> body, log;
		std::vector<dmr_record> records;
	};
	class Collector;

	void rebuild(const Part &newest, const Part &older, bool crc_wrong);
	void speak_for_holes(const Part &older, uint64_t newest);
	void apply(ExtentIndex &index, const dmr_record &record);
	void apply_log(const Part &part, ExtentIndex &index, ExtentIndex &unknown, std::vector<uint64_t> *lost);
	std::vector<Hole> holes_of(const Part &part) const;
	void drop_contradictions();

	const SetReader &set_;
	metadata::RecordLimits limits_;
	MainBlock main_end_;
	ExtentIndex index_, unknown_;	// unknown_: ranges, as pending
	std::vector<dmr_spare_extent> bad_;
	std::vector<uint64_t> lost_commits_;
	uint64_t generation_ = 0;
	bool bad_lost_ = false;
};

} // namespace dm_remap::tool

#endif
