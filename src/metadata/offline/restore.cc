// SPDX-License-Identifier: GPL-2.0
// A set made anew from what is known of it. For the tool: no module links this.
#include "metadata/store.hh"

namespace dm_remap::metadata {

// As formatting, with the map in both checkpoints: the older one, a generation before, leads to the same state. The marks stay until
// all of it is durable, so that what was cut off is nobody's set.
Error Store::restore(const dmr_record_source &source, Generation generation, Reason reason)
{
	uint32_t all = 0;

	if (source.count > setup_.max_extents)
		return DMR_REFUSE_WITH(reason, ENOSPC, "%llu entries are more than the set has room for, which is %llu", print(source.count),
				       print(setup_.max_extents));
	if (generation.value < format::first_generation[1] || generation.value > format::max_start_generation ||
	    !setup_.generation || setup_.generation > format::max_start_generation)
		return DMR_REFUSE_WITH(reason, EINVAL, "the generation (setup %llu, map %llu) is not possible", print(setup_.generation),
				       generation.print());
	members_.adopt(setup_);
	for (uint32_t i = 0; i < setup_.member_count; ++i)
		if (members_.there(i) && setup_.members[i].state == DMR_MEMBER_ACTIVE)
			all |= 1u << i;
	members_.set_parts(all, 0);
	loaded_ = {};
	loaded_.slot = Slot::one;
	loaded_.tail = {Slot::one, 0, Generation(generation.value - 2), Generation(generation.value - 2)};
	if (!all || !write_new_set(all, &source)) {
		failed_ = true;
		return DMR_REFUSE_WITH(reason, EIO,
				       "the metadata area of a spare cannot be written, or the map contradicts itself: nothing can be started from it");
	}
	ready_ = true;
	return Error::none();
}

} // namespace dm_remap::metadata
