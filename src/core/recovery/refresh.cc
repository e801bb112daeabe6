// SPDX-License-Identifier: GPL-2.0
// BlockMove, what the patrol asks for: is what lives on spares still there?
#include "core/recovery/block_move.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

BlockMove::Moved BlockMove::refresh(MainBlock start, Blocks length, uint8_t *buffer, WorkerSpace &space, MainBlock &end)
{
	Job move = begin(start, length, buffer, space);
	uint32_t silent = 0;
	Moved result;

	move.remaps = false;
	end = start + length;
	if (all_comes(move, silent))
		return result;
	// What moves is read after the drain: users may have written there until now.
	if (dmr_drain(p_.inst, dmr_now_ns() + drain_ns)) {
		end = start;
		return result;
	}
	end = find_weak(move, silent);
	const uint32_t weak = space.to_relocate.count();

	result.unreadable = space.bad.count();
	if (weak == 0)
		return result;
	result.without_place = weak;
	if (relocation_->relocate_blocks(move, start) != DMR_STS_OK || relocation_->commit_records(move) != DMR_STS_OK) {
		relocation_->give_up(move, move.failure);
		return result;
	}
	p_.counters->add(&CounterValues::moved, weak);
	return { weak, 0, result.unreadable, 0 };
}

// Each mapped run as a whole. silent: bit per member that does not answer at all, or is not there.
bool BlockMove::all_comes(Job &move, uint32_t &silent) const
{
	const MainBlock end = move.start + move.length;
	bool all = true;

	for (MainBlock at = move.start; at < end;) {
		const Segment segment = io_->segment_at(at, end);
		const uint32_t member = segment.extent.member;

		at = at + segment.length;
		if (!segment.is(ExtentKind::mapped))
			continue;
		if (!p_.members->present(member)) {
			silent |= 1u << member;
			continue;
		}
		const dmr_status status = read_spare(move, segment, segment.start, segment.length, place_of(move, segment.start), 0);

		all &= status == DMR_STS_OK;
		if (status != DMR_STS_OK && status != DMR_STS_MEDIUM && !io_->spare_answers(move, member))
			silent |= 1u << member;
	}
	return all;
}

// Block by block: to_relocate gets what came late, bad what does not come. As far as there is time.
MainBlock BlockMove::find_weak(Job &move, uint32_t silent) const
{
	const MainBlock end = move.start + move.length;
	WorkerSpace &space = *move.space;

	for (MainBlock at = move.start; at < end; at = at + Blocks(1)) {
		if (at > move.start && dmr_now_ns() > move.deadline)
			return at;
		const Segment segment = io_->segment_at(at, at + Blocks(1));
		const uint32_t offset = static_cast<uint32_t>((at - move.start).value);

		if (!segment.is(ExtentKind::mapped))
			continue;
		const uint8_t member = segment.extent.member;
		const bool answers = !(silent & 1u << member);

		const auto comes = [&](uint32_t retries) {
			return read_spare(move, segment, at, Blocks(1), place_of(move, at), retries) == DMR_STS_OK;
		};

		if (answers && comes(0))
			continue;
		if (!answers || p_.read_retries == 0 || !comes(p_.read_retries - 1)) {
			space.bad.add(offset);
			continue;
		}
		const SpareBlock weak = segment.spare_of(at);

		space.to_relocate.add(offset);
		if (!p_.map->spares().is_bad({ weak.value, 1, member }))
			space.add_record({ 0, weak.value, 1, DMR_RECORD_BAD_SPARE, member, 0 });
	}
	return end;
}

} // namespace dm_remap
