// SPDX-License-Identifier: GPL-2.0
#include "metadata/blank.hh"

#include "metadata/unit.hh"

namespace dm_remap::metadata {

namespace {

constexpr uint64_t mib_sectors = (1u << 20) / format::sector_bytes;

const format::Header &as_header(const uint8_t *sector)
{
	return *reinterpret_cast<const format::Header *>(sector);
}

bool ours(const format::Header &header, Kind kind, uint64_t unit)
{
	return !__builtin_memcmp(header.magic, format::magic, sizeof(format::magic)) &&
	       header.kind == static_cast<uint16_t>(kind) && header.unit == unit;
}

// The first sector of an empty log block, or of the head of an empty checkpoint. The unit may be torn, so its checksum
// says nothing.
bool empty_unit_begins(const uint8_t *sector, uint64_t unit)
{
	const format::Header &header = as_header(sector);

	if (header.count != 0)
		return false;
	if (ours(header, Kind::log, unit))
		return header.generation == 0;
	return ours(header, Kind::checkpoint_head, unit) && header.generation <= format::first_generation[1];
}

// A later sector of such a unit: nothing but its stamp.
bool empty_unit_goes_on(const uint8_t *sector)
{
	const format::Sector &s = *reinterpret_cast<const format::Sector *>(sector);

	return s.stamp <= format::first_generation[1] && all_zero(s.content, sizeof(s.content));
}

} // namespace

// Superblock B is let pass whole: of one that was torn, no sector but the first can be told from anything else. Nothing
// else lies in its place of which no trace is left elsewhere in the area.
bool BlankCheck::left_by_formatting(const uint8_t *sector, Sectors at, const Mark &mark)
{
	uint64_t stride = mark.unit_bytes / format::sector_bytes;

	if (at < mark.place)
		return false;
	uint64_t unit = (at - mark.place).value / stride;
	uint64_t within = (at - mark.place).value % stride;

	if (unit == 0)
		return within == 0;
	if (within >= format::sectors_per_unit || unit >= 2 * uint64_t{mark.copy_units})
		return false;
	if (unit == mark.copy_units)
		return within || ours(as_header(sector), Kind::superblock, unit);
	return within ? empty_unit_goes_on(sector) : empty_unit_begins(sector, unit);
}

// What a spare of this size would have reserved; without knowing main, the smallest blocks it could have.
uint64_t BlankCheck::area_sectors() const
{
	uint32_t block = info_.logical_block_bytes == 4096 ? 4096 : 512;
	Result<Plan> chosen = plan({&range_, 1}, block, 0, Reason(nullptr));

	return chosen.ok() ? data_start(range_, block, unit_bytes_for(info_), chosen->layout).value : 0;
}

// [from, to), sectors of the range, multiples of the logical block.
Result<BlankCheck::Answer> BlankCheck::check(uint64_t from, uint64_t to, const std::optional<Mark> &mark)
{
	constexpr uint64_t most = buffer_bytes / format::sector_bytes;

	for (uint64_t at = from, n = 0; at < to; at += n) {
		n = to - at < most ? to - at : most;
		if (dmr_device_read(range_.dev, range_.start + at, buffer_, static_cast<uint32_t>(n)) != DMR_STS_OK) {
			failed_at_ = Sectors(at);
			return Error(EIO);
		}
		if (all_zero(buffer_, n * format::sector_bytes))
			continue;
		for (uint64_t i = 0; i < n; ++i) {
			const uint8_t *sector = buffer_ + i * format::sector_bytes;

			if (all_zero(sector, format::sector_bytes))
				continue;
			if (!mark || !left_by_formatting(sector, Sectors(range_.start + at + i), *mark))
				return Answer{false, Sectors(at + i)};
		}
	}
	return Answer{true, Sectors(0)};
}

Result<BlankCheck::Answer> BlankCheck::run(const std::optional<Mark> &mark)
{
	uint64_t logical = info_.logical_block_bytes / format::sector_bytes;
	uint64_t end = range_.sectors / logical * logical;
	uint64_t head = area_sectors();

	if (mark) {
		uint64_t marked = (mark->place - Sectors(range_.start)).value +
				  2 * uint64_t{mark->copy_units} * (mark->unit_bytes / format::sector_bytes);

		head = marked > head ? marked : head;
	}
	head = head > mib_sectors ? head : mib_sectors;
	head = (head + logical - 1) / logical * logical;
	head = head < end ? head : end;
	Result<Answer> answer = check(0, head, mark);

	if (!answer.ok() || !answer->blank)
		return answer;
	uint64_t tail = end > mib_sectors ? end - mib_sectors : 0;

	return check(tail > head ? tail : head, end, mark);
}

} // namespace dm_remap::metadata
