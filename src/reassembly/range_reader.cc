// SPDX-License-Identifier: GPL-2.0
#include "reassembly/range_reader.hh"

namespace dm_remap::reassembly {

std::span<const uint8_t> RangeReader::bytes(uint64_t offset, uint32_t count)
{
	constexpr uint64_t piece_sectors = piece_bytes / DMR_SECTOR_SIZE;
	const uint64_t piece = offset / piece_bytes;
	const uint32_t within = static_cast<uint32_t>(offset % piece_bytes);

	if (!buffer_)
		buffer_ = static_cast<uint8_t *>(dmr_io_buffer_alloc(piece_bytes));
	if (!buffer_ || piece * piece_sectors >= range_.sectors)
		return {};
	if (!valid_bytes_ || piece != piece_) {
		const uint64_t left = range_.sectors - piece * piece_sectors;
		const uint32_t sectors = static_cast<uint32_t>(left < piece_sectors ? left : piece_sectors);
		const dmr_status status =
			dmr_device_read(range_.dev, range_.start + piece * piece_sectors, buffer_, sectors);

		piece_ = piece;
		valid_bytes_ = status == DMR_STS_OK ? sectors * DMR_SECTOR_SIZE : 0;
	}
	if (within + count > valid_bytes_)
		return {};
	return {buffer_ + within, count};
}

} // namespace dm_remap::reassembly
