// SPDX-License-Identifier: GPL-2.0
// Where a request of map is served that dmr_gate_open() does not speak for. No lock, no allocation, nothing written.
//
// As there the ranges are looked at before the index.
#include "core/engine/engine.hh"

#include <dm_remap/race_point.hh>

namespace dm_remap {

inline dmr_route Engine::route(dmr_op op, uint64_t sector, uint32_t sectors) const
{
	MainBlock start = block_size_.main_block(Sectors(sector));
	MainBlock end = start + block_size_.to_blocks(Sectors(sectors));

	race_point();
	if (ranges_.any() && ranges_.overlaps(start, end - start))
		return { sector, sectors, DMR_WHERE_SLOW, 0 };
	race_point();
	if (!map_.filter().maybe(start, end - start))
		return { sector, sectors, DMR_WHERE_MAIN, 0 };

	IndexAnswer answer = map_.index().lookup(start, end);
	MainBlock stop = answer.extent.end() < end ? answer.extent.end() : end;
	uint32_t covered = static_cast<uint32_t>(block_size_.to_sectors(stop - start).value);

	if (!answer.found)
		return { sector, covered, DMR_WHERE_MAIN, 0 };
	if (answer.extent.kind == ExtentKind::mapped) {
		SpareBlock spare = answer.extent.spare + (start - answer.extent.start);

		if (!members_.present(answer.extent.member)) [[unlikely]]
			return { sector, covered, DMR_WHERE_SLOW, 0 };
		const dmr_member_range &member = members_.range(answer.extent.member);

		return { member.start + block_size_.to_sectors(spare).value, covered, DMR_WHERE_SPARE, answer.extent.member };
	}
	if (op == DMR_OP_DISCARD && answer.extent.kind == ExtentKind::pending)
		return { sector, covered, DMR_WHERE_MAIN, 0 };
	return { sector, covered, DMR_WHERE_SLOW, 0 };
}

} // namespace dm_remap

extern "C" struct dmr_route dmr_engine_route(const struct dmr_engine *e, enum dmr_op op, uint64_t sector, uint32_t sectors)
{
	return e->engine.route(op, sector, sectors);
}
