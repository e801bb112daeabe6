// SPDX-License-Identifier: GPL-2.0
// Engine, the messages that move blocks by hand.
#include "core/engine/engine.hh"

namespace dm_remap {

using ull = unsigned long long;

// False: argv is another message.
bool Engine::by_hand(unsigned int argc, char **argv, char *reason, int &result)
{
	dmr_hand_message message;

	result = dmr_hand_message_parse(argc, argv, &message, reason);
	if (result == 0)
		return false;
	if (result > 0)
		result = start_by_hand(message, reason).negative();
	return true;
}

// By remap in physical blocks, which fail as one.
Error Engine::start_by_hand(const dmr_hand_message &message, char *reason)
{
	const Mover::Kind kind = mover_.kind();
	Mover::Order order;

	if (message.kind == DMR_HAND_STOP) {
		Error error = kind == Mover::Kind::evacuate || kind == Mover::Kind::none ? Error(ENOENT) : mover_.cancel(kind);

		if (error)
			dmr_format(reason, DMR_REASON_SIZE, kind == Mover::Kind::evacuate ?
				   "a spare is being removed: 'remove_spare <dev> cancel' ends that" : "no job is under way");
		return error;
	}
	if (Error error = may_move(reason))
		return error;
	const Blocks all = block_size_.to_blocks(Sectors(p_.sectors));

	order.end = MainBlock(all.value);
	if (message.kind == DMR_HAND_RETRY) {
		order.kind = Mover::Kind::retry;
	} else {
		if (Error error = blocks_of(message.sector, message.count, order.at, order.end, reason))
			return error;
		order.kind = message.kind == DMR_HAND_REMAP ? Mover::Kind::remap : Mover::Kind::unremap;
		if (order.kind == Mover::Kind::remap)
			physical_.widen(order.at, order.end, MainBlock(all.value));
		else if (Error error = leaves_guarded(order, reason))
			return error;
	}
	Error error = mover_.start(order);

	if (error)
		job_in_the_way(reason);
	return error;
}

// What is asked for in sectors is done in blocks, all that have a part in it.
Error Engine::blocks_of(uint64_t sector, uint64_t count, MainBlock &from, MainBlock &end, char *reason) const
{
	const uint64_t last = sector + count - 1, size = block_size_.to_sectors(block_size_.to_blocks(Sectors(p_.sectors))).value;

	if (last >= size) {
		dmr_format(reason, DMR_REASON_SIZE, "sector %llu is beyond the device, which has %llu", ull(last), ull(size));
		return Error(EINVAL);
	}
	from = block_size_.main_block(Sectors(sector));
	end = block_size_.main_block(Sectors(last)) + Blocks(1);
	return Error::none();
}

Error Engine::may_move(char *reason) const
{
	if (Error error = may_change(reason))
		return error;
	if (!map_.failed())
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "the metadata can no longer be written, so nothing can be moved");
	return Error(EIO);
}

// unremap gives back what is not guarded. EBUSY: there is nothing else.
Error Engine::leaves_guarded(const Mover::Order &order, char *reason) const
{
	Blocks guarded, others;
	MainBlock first;

	for (MainBlock at = order.at; at < order.end;) {
		const IndexAnswer answer = map_.lookup(at, order.end);
		const MainBlock stop = answer.extent.end() < order.end ? answer.extent.end() : order.end;

		if (answer.found && answer.extent.guarded) {
			first = guarded == Blocks(0) ? at : first;
			guarded = guarded + (stop - at);
		} else if (answer.found && answer.extent.kind == ExtentKind::mapped) {
			others = others + (stop - at);
		}
		at = stop;
	}
	if (guarded == Blocks(0))
		return Error::none();
	dmr_format(reason, DMR_REASON_SIZE, "%llu sectors of these are guarded, the first is %llu: 'unguard' gives those back",
		   block_size_.to_sectors(guarded).print(), block_size_.to_sectors(first).print());
	if (others == Blocks(0))
		return Error(EBUSY);
	dmr_log(p_.inst, DMR_LOG_WARN, "unremap: %s", reason);
	return Error::none();
}

void Engine::job_in_the_way(char *reason) const
{
	dmr_format(reason, DMR_REASON_SIZE, "the job of %s is under way: wait for its end, which 'status' and an event tell, or end it with %s",
		   Mover::name_of(mover_.kind()), mover_.kind() == Mover::Kind::evacuate ? "'remove_spare <dev> cancel'" : "'stop_job'");
}

void Engine::message_job(TextWriter &out, const Mover::Progress &job)
{
	static constexpr const char *states[] = { "running", "done", "stopped", "failed" };
	const uint64_t unit = block_size_.sectors();

	out.print("job kind=%s state=%s from=%llu end=%llu at=%llu moved_sectors=%llu unreadable_sectors=%llu refused_sectors=%llu\n",
		  Mover::name_of(job.kind), states[static_cast<uint8_t>(job.state)], ull(block_size_.to_sectors(job.from).value),
		  ull(block_size_.to_sectors(job.end).value), ull(block_size_.to_sectors(job.at).value), ull(job.moved * unit),
		  ull(job.unreadable * unit), ull(job.refused * unit));
}

} // namespace dm_remap
