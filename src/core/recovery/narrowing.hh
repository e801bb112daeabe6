// SPDX-License-Identifier: GPL-2.0
// Which blocks of a run of main fail? Asked with few commands that fail, as each of them takes a dying drive seconds, at the
// price of more that succeed: strides, then one physical block after the other where a stride has failed.
#ifndef DM_REMAP_CORE_RECOVERY_NARROWING_HH
#define DM_REMAP_CORE_RECOVERY_NARROWING_HH

#include "core/recovery/physical_blocks.hh"

namespace dm_remap {

// Use: while (!done()) try [at(), at() + length()), then say passed() or failed().
class Narrowing final {
public:
	// What the drive has answered to the whole run, or to more.
	enum class Before : uint8_t {
		not_asked,	// the first trial is all of it
		bad_medium,	// somewhere in it
		other_failure,	// perhaps of the whole disk: ask for as little as can be first
	};

	// request: what the run is a part of; the longer, the longer the strides.
	Narrowing(const PhysicalBlocks &physical, MainBlock first, MainBlock end, Blocks request, Before before)
		: physical_(physical), at_(first), end_(end), stride_(stride(request)),
		  step_(before == Before::not_asked ? end - first : before == Before::bad_medium ? stride_ : Blocks(1))
	{
	}

	bool done() const { return at_ >= end_; }
	// The next trial.
	MainBlock at() const { return at_; }
	Blocks length() const
	{
		Blocks unit = physical_.unit(at_, end_);

		return step_ <= unit ? unit : physical_.cut(at_, step_, end_) - at_;
	}
	// Is it one physical block, or a block where not all of one is asked for? What fails is bad, then.
	bool alone() const { return length() == physical_.unit(at_, end_); }
	// Something that failed is being looked at, and nothing bad has been found in it yet.
	bool suspects() const { return at_ < suspect_end_; }

	void passed()
	{
		Blocks length = this->length();

		at_ = at_ + length;
		if (suspects())
			return;
		step_ = Blocks(2 * length.value);
		if (step_ > stride_)
			step_ = stride_;
	}

	// Bad blocks have bad neighbours: after one, ask for one only.
	void failed()
	{
		Blocks length = this->length();

		if (alone()) {
			at_ = at_ + length;
			suspect_end_ = at_;
			step_ = Blocks(1);
			return;
		}
		suspect_end_ = at_ + length;
		step_ = length > stride_ ? stride_ : Blocks(1);
	}

private:
	// About as many strides as physical blocks in each; where there are few of these, each by itself, as one that fails with
	// its stride and again alone has failed once too often.
	Blocks stride(Blocks request) const
	{
		uint64_t units = request.value / physical_.size().value, n = 1;

		while (units > 8 && 4 * n * n <= units)
			n *= 2;
		return Blocks(n * physical_.size().value);
	}

	const PhysicalBlocks &physical_;
	MainBlock at_, end_;
	Blocks stride_, step_;
	MainBlock suspect_end_;
};

} // namespace dm_remap

#endif
