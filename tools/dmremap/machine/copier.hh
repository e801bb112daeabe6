// SPDX-License-Identifier: GPL-2.0
// Copies a device to another disk, as a map says what is still to be done, and writes down there what was.
#ifndef DMREMAP_MACHINE_COPIER_HH
#define DMREMAP_MACHINE_COPIER_HH

#include "copy_map.hh"
#include "machine/raw_disk.hh"
#include "trace_lines.hh"

#include <functional>
#include <string>
#include <vector>

namespace dm_remap::tool {

class Copier final {
public:
	// Of the device that is copied. False: not all of it can be read.
	using Read = std::function<bool(uint64_t sector, uint8_t *data, uint64_t sectors)>;
	enum class Step : uint8_t { copying, narrowing, retrying, verifying };

	static constexpr uint64_t piece = 2048; // sectors that are read at once

	// name: of what is copied, for the filler. block_sectors: its logical block. tick: after each piece; what it throws ends the step,
	// and the map is as true as before.
	Copier(CopyMap &map, const RawDisk &to, std::string name, uint32_t block_sectors, std::function<void(Step)> tick);

	// What is to be copied, within these sectors. What cannot be read in one piece is skipped.
	void copy(const Read &from, uint64_t start, uint64_t end);
	// What was skipped, down to the block. Blocks that cannot be read have a filler on the new disk, never what was there before.
	void narrow(const Read &from);
	// Bad blocks once more.
	void retry(const Read &from);
	// What was copied is read from both and compared, after a flush. What is not the same is to be copied again, if it may have been
	// written meanwhile; else throws Failure "new-disk".
	void verify(const Read &from, const std::function<bool(uint64_t start, uint64_t end)> &may_differ);

	// Throws Failure "new-disk".
	void flush() const;
	// Zeroes, for now: who looks at the new disk sees nothing there.
	void blank(uint64_t start, uint64_t end);

	// Was copied, and cannot be read again to be compared.
	const std::vector<SectorRange> &unverified() const { return unverified_; }
	uint64_t sectors_read() const { return read_; }

private:
	bool copy_piece(const Read &from, uint64_t start, uint64_t end);
	void narrow_piece(const Read &from, uint64_t start, uint64_t end);
	void compare(const Read &from, uint64_t start, uint64_t end, const std::function<bool(uint64_t, uint64_t)> &may_differ);
	void give_up(uint64_t start, uint64_t end);
	void fill(uint64_t start, uint64_t end);
	void write(uint64_t start, uint64_t end);
	[[noreturn]] void disk_failed(const char *what, uint64_t start, uint64_t end) const;
	template <typename F>
	void each_part(uint64_t start, uint64_t end, F f) const;

	CopyMap &map_;
	const RawDisk &to_;
	std::string name_;
	uint64_t block_;
	std::function<void(Step)> tick_;
	DiskBuffer buffer_, other_;
	std::vector<SectorRange> unverified_;
	uint64_t read_ = 0;
};

} // namespace dm_remap::tool

#endif
