// SPDX-License-Identifier: GPL-2.0
#include "core/map/flush_state.hh"

namespace dm_remap {

void FlushState::write_ended(const MemberList &members, uint32_t member, dmr_status status, uint32_t flags)
{
	if (status == DMR_STS_OK) {
		written(member);
	} else if (flags & DMR_IO_FUA) {
		dmr_device *dev = members.device(member);

		// The flush that stands for FUA may be what has failed, and with it data that was acknowledged before.
		if (dev && dmr_device_flushes_for_fua(dev))
			lost(member);
	}
}

uint32_t FlushState::flush(const MemberList &members, uint32_t which, For whom, dmr_status &status)
{
	MutexGuard guard(flushing_);
	uint32_t failed = 0;

	for (uint32_t left = which & ((1u << DMR_MAX_MEMBERS) - 1); left != 0; left &= left - 1) {
		const uint32_t i = static_cast<uint32_t>(__builtin_ctz(left));
		dmr_device *dev = members.device(i);

		// One that was removed holds nothing any more.
		if (!dev)
			continue;
		dmr_status member_status = dmr_device_flush(dev);

		if (member_status == DMR_STS_OK)
			continue;
		failed |= 1u << i;
		status = member_status;
		SpinGuard noting(lock_);
		// What was written since this user's flush began is the next one's to tell.
		note(i, whom == For::user ? word_ : word_ | word_ >> DMR_MAX_MEMBERS);
	}
	return failed;
}

} // namespace dm_remap
