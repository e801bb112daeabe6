// SPDX-License-Identifier: GPL-2.0
// Loading a set: its superblocks once more, then its newest state.
#include "metadata/loader.hh"
#include "metadata/setup_check.hh"

namespace dm_remap::metadata {

// Both superblocks of a member. newest: of all members so far, in found_.
Error Store::reread_superblocks(uint32_t member, Generation &newest, bool &behind, Reason reason)
{
	uint32_t whole = 0;
	UnitState why = UnitState::good;

	for (Copy copy : format::copies) {
		UnitNumber unit = members_.layout().superblock(copy);
		UnitState state = UnitState::unreadable;

		if (members_.read(member, unit, 1))
			state = inspect(members_.loaded(member, 0), members_.place(member, Kind::superblock, copy, unit));
		if (state == UnitState::good &&
		    decode_superblock(members_.loaded(member, 0), scratch_, candidate_) != SuperblockState::good)
			state = UnitState::impossible;
		if (state != UnitState::good) {
			why = state;
			behind = true;
			continue;
		}
		Generation generation(candidate_.generation);

		++whole;
		if (newest != Generation(0) && generation != newest)
			behind = true;
		if (generation > newest) {
			newest = generation;
			found_ = candidate_;
		}
	}
	if (whole)
		return Error::none();
	dmr_device_info info = {};

	dmr_device_describe(members_.area(member).dev(), &info);
	if (why == UnitState::stranger)
		return DMR_REFUSE_WITH(reason, ESTALE, "spare %s was formatted for another set since the table was loaded: load the table again",
				       info.name);
	return DMR_REFUSE_WITH(reason, EUCLEAN, "spare %s: no copy of its superblock verifies any more, one is %s: see docs/administration.md",
			       info.name, describe(why));
}

Error Store::refresh_setup(Mend &mend, Reason reason)
{
	Generation newest(0);

	for (uint32_t i = 0; i < members_.count(); ++i)
		if (members_.active(i))
			if (Error error = reread_superblocks(i, newest, mend.superblocks, reason))
				return error;
	if (newest < Generation(setup_.generation) || !same_formatting(found_, setup_))
		return DMR_REFUSE_WITH(reason, ESTALE,
				       "the set changed since the table was loaded (superblock generation %llu then, %llu now): load the table again",
				       print(setup_.generation), newest.print());
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
	if (superblocks.superblocks)
		report.needs_checkpoint = loaded_.mend.checkpoint = loaded_.mend.superblocks = true;
	ready_ = true;
	return Error::none();
}

} // namespace dm_remap::metadata
