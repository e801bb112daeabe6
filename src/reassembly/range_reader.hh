// SPDX-License-Identifier: GPL-2.0
// A look at a few bytes of a member's range, through one small buffer.
#ifndef DM_REMAP_REASSEMBLY_RANGE_READER_HH
#define DM_REMAP_REASSEMBLY_RANGE_READER_HH

#include <dm_remap/metadata.h>
#include <dm_remap/result.hh>
#include <dm_remap/units.hh>

#include <cstddef>
#include <cstdint>
#include <span>

namespace dm_remap::reassembly {

class RangeReader final {
public:
	// What bytes() may be asked for lies within one aligned piece of this size.
	static constexpr uint32_t piece_bytes = 4096;

	explicit RangeReader(const dmr_member_range &range) : range_(range) {}
	~RangeReader() { dmr_io_buffer_free(buffer_, piece_bytes); }
	RangeReader(const RangeReader &) = delete;
	RangeReader &operator=(const RangeReader &) = delete;

	Sectors sectors() const { return Sectors(range_.sectors); }

	// Bytes of the range from `offset`; valid until the next call. Empty when they lie outside of the range, when
	// they
	// cannot be read, and when there is no memory. process, may block.
	std::span<const uint8_t> bytes(uint64_t offset, uint32_t count);

private:
	const dmr_member_range &range_;
	uint8_t *buffer_ = nullptr;
	uint64_t piece_ = 0;
	uint32_t valid_bytes_ = 0;	// of the buffer, for piece_; 0: nothing was read
};

} // namespace dm_remap::reassembly

#endif
