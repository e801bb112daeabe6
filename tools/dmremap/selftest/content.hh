// SPDX-License-Identifier: GPL-2.0
// What the sectors of a disk have to hold: each says which one it is, and in which write it came.
#ifndef DMREMAP_SELFTEST_CONTENT_HH
#define DMREMAP_SELFTEST_CONTENT_HH

#include "machine/raw_disk.hh"
#include "sector_range.hh"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dm_remap::tool {

// What is read or written. What a read does not fill does not look like what was there.
class SectorBuffer final {
public:
	explicit SectorBuffer(uint64_t sectors);

	uint8_t *data() { return data_.data(); }
	std::span<uint8_t> sector(uint64_t number) { return {data() + number * 512, 512}; }

private:
	DiskBuffer data_;
};

class Content final {
public:
	explicit Content(uint64_t sectors) : writes_(sectors, 0) {}

	uint64_t sectors() const { return writes_.size(); }
	// From here on another content: of the next write.
	void next_write(SectorRange range);
	// What a sector holds, before the newlines that fill it up.
	std::string of(uint64_t sector) const { return text(sector, writes_[sector]); }
	void fill(SectorRange range, SectorBuffer &out) const;
	// Of what was read: which sector holds something else, and what, in a sentence. No value: none.
	std::optional<std::string> difference(SectorRange range, SectorBuffer &read) const;

private:
	static std::string text(uint64_t sector, uint32_t write);

	std::vector<uint32_t> writes_; // by sector, the last one
	uint32_t last_ = 0;
};

} // namespace dm_remap::tool

#endif
