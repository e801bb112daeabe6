// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/recovery.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

void Recovery::init(const RecoveryParts &parts)
{
	p_ = parts;
	io_.init(parts);
	relocation_.init(parts, io_);
	move_.init(parts, io_, relocation_);
	reads_.init(parts, io_, move_);
	writes_.init(parts, io_, relocation_);
}

dmr_status Recovery::serve(Job &job)
{
	if (job.returned)
		return relocation_.relocate_again(job);
	job.deadline = dmr_now_ns() + request_budget_ns;
	switch (job.info.op) {
	case DMR_OP_READ:
		return reads_.read(job);
	case DMR_OP_WRITE:
	case DMR_OP_WRITE_ZEROES:
		return writes_.write(job);
	default:
		return discard(job);
	}
}

// Advice to the devices, cut where the map says; it never changes the map.
dmr_status Recovery::discard(const Job &job) const
{
	MainBlock end = job.start + job.length;

	for (MainBlock at = job.start; at < end;) {
		Segment segment = io_.segment_at(at, end);
		dmr_status status = DMR_STS_OK;

		if (segment.is(ExtentKind::mapped))
			status = p_.members->present(segment.extent.member) ? io_.spare_io(job, segment, at, segment.length) : status;
		else if (!segment.found || segment.is(ExtentKind::pending))
			status = io_.main_io(job, at, segment.length);
		if (status != DMR_STS_OK)
			return status;
		at = at + segment.length;
	}
	return DMR_STS_OK;
}

} // namespace dm_remap
