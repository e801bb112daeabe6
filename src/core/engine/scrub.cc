// SPDX-License-Identifier: GPL-2.0
// Engine, the message scrub.
#include "core/engine/engine.hh"

namespace dm_remap {

// False: argv is another message.
bool Engine::scrub(unsigned int argc, char **argv, TextWriter &out, char *reason, int &result)
{
	dmr_scrub_message message;

	result = dmr_scrub_message_parse(argc, argv, &message, reason);
	if (result == 0)
		return false;
	if (result < 0)
		return true;
	if (message.kind == DMR_SCRUB_STATUS)
		message_scrub(out);
	else
		result = change_scrub(message, reason).negative();
	return true;
}

Error Engine::change_scrub(const dmr_scrub_message &message, char *reason)
{
	if (Error error = may_write(reason))
		return error;
	Error error = Error::none();

	switch (message.kind) {
	case DMR_SCRUB_START:
		error = patrol_.start();
		break;
	case DMR_SCRUB_STOP:
		error = patrol_.stop();
		break;
	case DMR_SCRUB_PAUSE:
		error = patrol_.pause();
		break;
	case DMR_SCRUB_RESUME:
		error = patrol_.resume();
		break;
	default:
		patrol_.set_rate(message.rate);
	}
	if (error.code() == EBUSY)
		dmr_format(reason, DMR_REASON_SIZE, "a scrub is under way, or paused: 'scrub status' tells; 'scrub stop' ends it");
	else if (error.code() == ENOENT)
		dmr_format(reason, DMR_REASON_SIZE, "there is no scrub that could be %s: 'scrub status' tells; 'scrub start' begins one",
			   message.kind == DMR_SCRUB_RESUME ? "resumed" : message.kind == DMR_SCRUB_PAUSE ? "paused" : "stopped");
	else if (error)
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the scrub: try again");
	return error;
}

void Engine::message_scrub(TextWriter &out) const
{
	static constexpr const char *states[] = { "none", "running", "paused" };
	const Patrol::Progress p = patrol_.progress();
	auto sectors = [&](uint64_t blocks) { return block_size_.to_sectors(Blocks(blocks)).print(); };
	auto number = [](uint64_t value) { return Sectors(value).print(); };

	out.print("scrub state=%s at=%llu end=%llu rate=%u begun=%llu last_complete=%llu read_sectors=%llu rescued_sectors=%llu pending_sectors=%llu spare_moved_sectors=%llu spare_unreadable_sectors=%llu\n",
		  p.waits ? "waiting" : states[p.record.state], number(p.record.at), number(p_.sectors), p.record.rate, number(p.record.begun),
		  number(p.record.ended), sectors(p.counts.read), sectors(p.counts.rescued), sectors(p.counts.pending),
		  sectors(p.counts.spare_moved), sectors(p.counts.spare_unreadable));
}

} // namespace dm_remap
