// SPDX-License-Identifier: GPL-2.0
// Which members hold written data that no flush has reached yet, and which have lost some.
//
// A flush that failed may have cost what was in the disk's cache, for good: the next one that succeeds speaks of what was
// written since alone. So whoever counts on a flush asks afterwards whether one has failed since his data was written.
//
// One word, so that map decides by one load: a flush may go to main alone only if no member is dirty and none is being
// flushed (a flush under way may still fail, and then what it covered is not durable). Setting "dirty" and moving it to
// "flushing" and back happen under a lock, each in one store.
#ifndef DM_REMAP_CORE_FLUSH_STATE_HH
#define DM_REMAP_CORE_FLUSH_STATE_HH

#include <dm_remap/locks.hh>
#include "core/map/member_list.hh"

#include <dm_remap/record.h>

namespace dm_remap {

class FlushState final {
public:
	Error init()
	{
		if (Error error = lock_.init("dmr flush"))
			return error;
		return flushing_.init("dmr flushing");
	}
	void destroy()
	{
		flushing_.destroy();
		lock_.destroy();
	}

	// Any context.
	bool clean() const { return __atomic_load_n(&word_, __ATOMIC_CONSUME) == 0; }

	// A user's write to the member has ended, and he is not told yet: here, and nowhere else, is decided whether a flush has to
	// cover it, or something was lost by it. flags: DMR_IO_FUA if it was sent so. Any context.
	void write_ended(const MemberList &members, uint32_t member, dmr_status status, uint32_t flags);

	// There is written data on the member that no flush has reached. Any context.
	void written(uint32_t member)
	{
		uint32_t bit = 1u << member;

		// Set already: whoever clears it issues its flush after that, hence after this write.
		if (__atomic_load_n(&word_, __ATOMIC_CONSUME) & bit)
			return;
		SpinGuard guard(lock_);
		set(word_ | bit);
	}

	// A flush has failed that no user of the member waits for: what users wrote to the member since its last flush may be gone, and the
	// next flush of theirs has to say so. Any context.
	void lost(uint32_t member)
	{
		SpinGuard guard(lock_);

		note(member, word_ | word_ >> DMR_MAX_MEMBERS);
	}

	// The same of main, which every flush reaches. Any context.
	void main_lost()
	{
		SpinGuard guard(lock_);

		lost_ |= main_bit;
		set(word_ | dirty_by(main_bit));
	}

	// A moment in the order of losses. Any context.
	uint64_t moment() const
	{
		SpinGuard guard(lock_);

		return losses_;
	}
	// The members with a loss since this moment: what was written to them before that loss may be gone. Any context.
	uint32_t lost_since(uint64_t moment) const
	{
		SpinGuard guard(lock_);
		uint32_t members = 0;

		for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++)
			members |= lost_at_[i] > moment ? 1u << i : 0;
		return members;
	}

	// Until the guard is gone nobody flushes a member by flush(). process, may block.
	MutexGuard hold() const { return MutexGuard(flushing_); }
	enum class For : uint8_t { user, engine };
	// Flush these members; answers those that failed, and leaves the status of one of them. Their loss is noted before
	// anybody else's flush begins, which could succeed and know nothing of it. For a user, who is told himself, or for the
	// engine. process, may block.
	uint32_t flush(const MemberList &members, uint32_t which, For whom, dmr_status &status);

	// Something lives on these members alone: what was written to others need not be flushed. What those have lost must be told
	// all the same, as it may have been moved elsewhere after that. Any context.
	void in_use(uint32_t members)
	{
		SpinGuard guard(lock_);

		set(word_ & ~(dirty_mask & ~(members | dirty_by(lost_))));
	}

	// What was lost and never told outlives the table. process, no request is under way.
	uint32_t untold() const { return lost_; }
	void inherit(uint32_t lost)
	{
		SpinGuard guard(lock_);

		lost_ |= lost;
		set(word_ | dirty_by(lost));
	}

	// The dirty members, from now on "being flushed". One flusher at a time.
	uint32_t begin()
	{
		SpinGuard guard(lock_);
		uint32_t dirty = word_ & dirty_mask;

		telling_ = lost_;
		lost_ = 0;
		set((word_ & ~dirty_mask) | dirty << DMR_MAX_MEMBERS);
		return dirty;
	}
	// The members, and main by main_bit, of which the flush under way has to say that data was lost. What was lost since begin()
	// may have completed before this flush was submitted, or after: this one tells it, and so does the next.
	uint32_t to_tell() const
	{
		SpinGuard guard(lock_);

		return telling_ | lost_;
	}
	// The flush of these has ended, and whoever waited for it has been told; those of `failed` are dirty again.
	void end(uint32_t members, uint32_t failed)
	{
		SpinGuard guard(lock_);

		set((word_ & ~(members << DMR_MAX_MEMBERS)) | failed);
	}

	// Of main, in what is lost.
	static constexpr uint32_t main_bit = 1u << DMR_MAX_MEMBERS;

private:
	static constexpr uint32_t dirty_mask = (1u << DMR_MAX_MEMBERS) - 1;

	// The bits that keep flushes from going to main alone until this is told. Main has none: any member's does it.
	static constexpr uint32_t dirty_by(uint32_t lost) { return (lost & dirty_mask) | (lost & main_bit ? 1u : 0u); }

	// holders: the members on which there is something to lose that a user will have to be told of. Caller holds lock_.
	void note(uint32_t member, uint32_t holders)
	{
		uint32_t bit = 1u << member;

		lost_at_[member] = ++losses_;
		if (holders & bit) {
			lost_ |= bit;
			set(word_ | bit);
		}
	}
	void set(uint32_t word) { __atomic_store_n(&word_, word, __ATOMIC_RELEASE); }

	Spinlock lock_;
	Mutex flushing_;
	uint64_t losses_ = 0;
	uint64_t lost_at_[DMR_MAX_MEMBERS] = {}; // when the last loss was
	uint32_t word_ = 0;
	uint32_t lost_ = 0;
	uint32_t telling_ = 0; // of lost_, taken by the flush under way
};

} // namespace dm_remap

#endif
