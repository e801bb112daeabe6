// SPDX-License-Identifier: GPL-2.0
// Engine, main and the setup: can main hold the map, and what is the set told of it.
#include "core/engine/engine.hh"

namespace dm_remap {

namespace {

bool same_names(const dmr_main_identity &a, const dmr_main_identity &b)
{
	return same_text(a.identity, b.identity) && same_text(a.disk, b.disk) && same_text(a.id, b.id);
}

} // namespace

// A main that is too small for the map is another one, or what was cut off it had something of the users'. The table may
// end before the map does: what lies beyond its end stays as it is.
Error Engine::main_holds_map(char *reason) const
{
	MainBlock beyond;

	if (!map_.reaches_beyond(MainBlock(0) + set_.main_blocks(), beyond))
		return Error::none();
	dmr_device_info info;

	dmr_device_describe(p_.main, &info);
	dmr_format(reason, DMR_REASON_SIZE, "main %s has %llu sectors, and the map has blocks of it beyond them, at sector %llu: name the main that had these, or make this one as large again; the set keeps what it knows of them",
		   info.name, block_size_.to_sectors(set_.main_blocks()).print(), block_size_.to_sectors(beyond).print());
	return Error(EINVAL);
}

// What the old main could not be read at, nobody knows: a copy of it holds there whatever the copying has left, zeroes for the
// most part, and gives it out as data. Before the set knows the new main, so that no start with it comes without this.
Error Engine::leave_old_main(char *reason)
{
	uint64_t blocks = 0;

	if (!set_.main_is_new())
		return Error::none();
	Error error = map_.lose_pending(blocks, reason);

	if (!error && blocks > 0)
		dmr_log(p_.inst, DMR_LOG_WARN, "main is another disk ('new_main'): %llu blocks of %u bytes that could not be read from the old one are lost and fail until they are written",
			static_cast<unsigned long long>(blocks), block_size_.bytes());
	return error;
}

// Before anything is served: no record of a part of main that was added is durable before the set knows that it is there. If
// it cannot be recorded, nothing can.
void Engine::keep_setup()
{
	dmr_setup &kept = set_.setup();
	const dmr_setup &known = map_.setup();
	MainBlock beyond;
	// Beside a live table the constructor has not seen the map.
	const bool too_small = map_.reaches_beyond(MainBlock(0) + set_.main_blocks(), beyond);

	// No record of the part that is cut off may be found again.
	if (!p_.read_only && set_.makes_main_smaller(known) && !too_small)
		map_.forget_replaced();
	kept = known;
	set_.bring_up_to_date(kept);
	if (too_small)
		kept.main.sectors = known.main.sectors;
	// What was read of another disk says nothing of this one.
	if (set_.main_is_new() && !loaded_)
		kept.patrol = { .at = 0, .begun = 0, .ended = 0, .rate = known.patrol.rate, .state = DMR_PATROL_NONE };
	const bool renamed = !same_names(kept.main, known.main);
	const bool main_changes = renamed || kept.main.sectors != known.main.sectors;
	const bool changes = main_changes || kept.read_retries != known.read_retries || !same_text(kept.name, known.name);

	// Of the first start alone: from then on it is so.
	if (p_.new_main && !loaded_ && !main_changes)
		dmr_log(p_.inst, DMR_LOG_WARN, "'new_main' has nothing to change, as this main is recorded: leave it out of the line, or whatever disk the line names is taken for main");
	if (changes && !p_.read_only && !map_.failed()) {
		if (p_.new_main && renamed)
			dmr_log(p_.inst, DMR_LOG_WARN, "'new_main' puts another in the place of main, which was identity '%s', disk '%s', main_id '%s'",
				known.main.identity, known.main.disk, known.main.id);
		map_.update_setup(kept);
		if (main_changes && !map_.failed())
			dmr_log(p_.inst, DMR_LOG_INFO, "main is recorded as %llu sectors, identity '%s', disk '%s', main_id '%s'",
				Sectors(known.main.sectors).print(), known.main.identity, known.main.disk, known.main.id);
	}
	kept = known;
}

} // namespace dm_remap
