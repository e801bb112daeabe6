// SPDX-License-Identifier: GPL-2.0
// The spare blocks of a member whose device is not there, and of whose size only its set tells: what is kept of it takes as
// much memory as the records about it, whatever the size.
#ifndef DM_REMAP_SPARE_POOL_MISSING_MEMBER_HH
#define DM_REMAP_SPARE_POOL_MISSING_MEMBER_HH

#include "spare_pool/member.hh"
#include "spare_pool/run_set.hh"

namespace dm_remap::pool {

// Nothing is ever given out here. While the map is loaded it is known of each block whether it is used, so that a map that
// places two blocks on one is noticed. Afterwards blocks are only released, one after the other, as they are written anew:
// then their number is enough, and no release needs memory.
class MissingMember final {
public:
	MissingMember(SpareBlock first, SpareBlock end) : first_(first), end_(end) {}
	MissingMember(const MissingMember &) = delete;
	MissingMember &operator=(const MissingMember &) = delete;

	void destroy(RunSet::Budget &budget);

	// As those of Member, reserve() and mark_bad() only while the map is loaded. ENOMEM, E2BIG beyond the budget; of a release
	// they are told by what comes next. After an error the load is at its end.
	Error reserve(Run run, RunSet::Budget &budget);
	Error release(Run run, RunSet::Budget &budget);
	Error mark_bad(Run run, RunSet::Budget &budget);
	Error load_done(RunSet::Budget &budget);
	Run next_bad(SpareBlock from) const;

	uint64_t total() const { return (end_ - first_).value; }
	uint64_t used() const { return used_; }
	uint64_t bad() const { return bad_.count(); }

private:
	Error forget_used(uint64_t from, uint64_t end, RunSet::Budget &budget);
	bool contains(Run run) const { return run.start >= first_ && run.start < run.end && run.end <= end_; }

	const SpareBlock first_, end_;
	RunSet taken_;	// while the map is loaded: the used ones
	RunSet bad_;
	uint64_t used_ = 0;
	Error lapse_ = Error::none();	// why a release of the load was not noted
	bool loaded_ = false;
};

} // namespace dm_remap::pool

#endif
