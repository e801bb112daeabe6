// SPDX-License-Identifier: GPL-2.0
// Loading a set: its superblocks once more, then its newest state.
#include "metadata/loader.hh"
#include "metadata/setup_check.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::metadata {

// The better of a member's superblocks, to own_. behind: one of them is not as good.
Error Store::read_superblock(uint32_t member, bool &behind, Reason reason)
{
	uint32_t good = 0;
	UnitState why = UnitState::good;

	for (Copy copy : format::copies) {
		UnitNumber unit = members_.layout().superblock(copy);
		UnitState state = UnitState::unreadable;

		if (members_.read(member, unit, 1))
			state = inspect(members_.loaded(member, 0), members_.place(member, Kind::superblock, copy, unit));
		if (state == UnitState::good &&
		    (decode_superblock(members_.loaded(member, 0), scratch_, candidate_) != SuperblockState::good ||
		     candidate_.own_index != member))
			state = UnitState::impossible;
		if (state != UnitState::good) {
			why = state;
			continue;
		}
		if (good && same_branch(candidate_, own_) && candidate_.generation == own_.generation) {
			b_first_ &= ~(1u << member);
			return Error::none();
		}
		if (!good++ || supersedes(candidate_, own_)) {
			own_ = candidate_;
			b_first_ = copy == Copy::a ? b_first_ | 1u << member : b_first_ & ~(1u << member);
		}
	}
	behind = true;
	if (good)
		return Error::none();
	dmr_device_info info = {};

	dmr_device_describe(members_.area(member).dev(), &info);
	if (why == UnitState::stranger)
		return DMR_REFUSE_WITH(reason, ESTALE, "spare %s was formatted for another set since the table was loaded: load the table again",
				       info.name);
	return DMR_REFUSE_WITH(reason, EUCLEAN, "spare %s: no copy of its superblock verifies any more, one is %s: see docs/administration.md",
			       info.name, describe(why));
}

// What supersedes all that the members say, to found_. A joining member has no say.
Error Store::find_newest(Reason reason)
{
	bool any = false, behind = false;

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		if (!members_.there(i) || has(joining(), i))
			continue;
		if (Error error = read_superblock(i, behind, reason))
			return error;
		if (own_.members[i].state != DMR_MEMBER_ACTIVE)
			continue;
		if (!any || supersedes(own_, found_))
			found_ = own_;
		any = true;
	}
	return any ? Error::none()
		   : DMR_REFUSE_WITH(reason, ESTALE, "none of the spares that are there was ever an active part of the set: name one that was");
}

// Whom to believe, now that the newest setup is known: the others are brought up to date by the next checkpoint.
Error Store::sort_members(Mend &mend, Reason reason)
{
	uint32_t current = 0, incoming = joining();

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		bool behind = false;

		if (!members_.there(i) || has(incoming, i))
			continue;
		if (Error error = read_superblock(i, behind, reason))
			return error;
		if (diverged(own_, found_) && own_.members[i].state == DMR_MEMBER_ACTIVE) {
			dmr_device_info info = {};

			dmr_device_describe(members_.area(i).dev(), &info);
			return DMR_REFUSE_WITH(reason, ESTALE,
					       "spare %s went a way of its own: it was in use without others of its set, and they without it; name either, not both",
					       info.name);
		}
		if (!up_to_date(own_, found_) || found_.members[i].state != DMR_MEMBER_ACTIVE) {
			incoming |= 1u << i;
			continue;
		}
		current |= 1u << i;
		if (behind || own_.generation != found_.generation)
			mend.superblocks = true;
	}
	members_.set_parts(current, incoming);
	return current ? Error::none() : refuse_changed(reason);
}

Error Store::refuse_changed(Reason reason)
{
	return DMR_REFUSE_WITH(reason, ESTALE,
			       "the set changed since the table was loaded (superblock generation %llu then, %llu now): load the table again",
			       print(setup_.generation), print(found_.generation));
}

Error Store::refresh_setup(Mend &mend, Reason reason)
{
	members_.set_parts(0, 0);
	if (Error error = find_newest(reason))
		return error;
	bool same = same_branch(found_, setup_) && found_.generation == setup_.generation;

	if (!same_members(found_, setup_) || (!same && !supersedes(found_, setup_)))
		return refuse_changed(reason);
	if (Error error = sort_members(mend, reason))
		return error;
	// What is to join is known to the table alone.
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		if (setup_.members[i].state == DMR_MEMBER_JOINING) {
			found_.members[i] = setup_.members[i];
			found_.member_count = found_.member_count > i ? found_.member_count : i + 1;
		}
	setup_ = found_;
	members_.adopt(setup_);
	return Error::none();
}

Error Store::load(dmr_record_sink sink, void *context, dmr_load_report &report, Reason reason)
{
	Mend superblocks;

	if (failed_)
		return DMR_REFUSE_WITH(reason, EIO, "a write of metadata has failed before: load the table again");
	ready_ = false;
	report = {};
	if (Error error = refresh_setup(superblocks, reason))
		return error;

	Loader loader(members_, setup_, sink, context, reason);

	if (Error error = loader.run(loaded_, report))
		return error;
	if (setup_.generation > format::max_start_generation || loaded_.tail.generation.value > format::max_start_generation)
		return DMR_REFUSE_WITH(reason, EUCLEAN, "the set's generation (setup %llu, map %llu) is not possible: see docs/administration.md",
				       print(setup_.generation), print(loaded_.tail.generation.value));
	bool missing = false;

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		missing |= setup_.members[i].state == DMR_MEMBER_ACTIVE && !members_.there(i);
	loaded_.mend.superblocks = superblocks.superblocks;
	loaded_.mend.checkpoint |= superblocks.superblocks || missing || members_.incoming();
	report.needs_checkpoint = loaded_.mend.checkpoint;
	report.stale = members_.incoming();
	ready_ = true;
	return Error::none();
}

} // namespace dm_remap::metadata
