// SPDX-License-Identifier: GPL-2.0
// Engine, the guard on main: the messages that put it there and take it off, and what is to be seen of it.
#include "core/engine/engine.hh"

#include "core/recovery/deadlines.hh"

namespace dm_remap {

using ull = unsigned long long;

// False: argv is another message.
bool Engine::guarding(unsigned int argc, char **argv, char *reason, int &result)
{
	dmr_guard_message message;

	result = dmr_guard_message_parse(argc, argv, &message, reason);
	if (result == 0)
		return false;
	if (result > 0)
		result = start_guarding(message, reason).negative();
	return true;
}

Error Engine::start_guarding(const dmr_guard_message &message, char *reason)
{
	if (Error error = may_move(reason))
		return error;
	if (mover_.busy()) {
		job_in_the_way(reason);
		return Error(EBUSY);
	}
	Mover::Guarding *guarding = static_cast<Mover::Guarding *>(dmr_alloc(sizeof(Mover::Guarding)));
	Mover::Order order;
	Error error = guarding ? Error::none() : Error(ENOMEM);

	if (!guarding)
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory");
	order.kind = message.off ? Mover::Kind::unguard : Mover::Kind::guard;
	order.end = MainBlock(block_size_.to_blocks(Sectors(p_.sectors)).value);
	order.guarding = guarding;
	if (!error && !message.off)
		error = may_guard(message, order, *guarding, reason);
	if (!error) {
		map_.copy_setup(set_.setup());
		guarding->stamp = GuardStamp::of(set_.setup(), name_);
		error = mover_.start(order);
		if (error)
			job_in_the_way(reason);
	}
	dmr_free(guarding);
	return error;
}

// What is to be guarded, in blocks, if all of it can be.
Error Engine::may_guard(const dmr_guard_message &message, Mover::Order &order, Mover::Guarding &guarding, char *reason)
{
	uint64_t wanted = 0, pieces = 0;
	MainBlock last;

	order.at = order.end;
	for (uint32_t i = 0; i < message.count; i++) {
		Mover::Guarding::Part &part = guarding.parts[guarding.count++];

		if (Error error = blocks_of(message.ranges[i].sector, message.ranges[i].count, part.from, part.end, reason))
			return error;
		if (Error error = may_guard_part(part, wanted, pieces, reason))
			return error;
		order.at = part.from < order.at ? part.from : order.at;
		last = part.end > last ? part.end : last;
	}
	order.end = last;
	const uint64_t free = map_.spares().usage(DMR_MAX_MEMBERS).free;

	// Who starts without a spare that knows of the guard is given guard blocks as data.
	if (!map_.complete()) {
		dmr_format(reason, DMR_REASON_SIZE, "a spare of the set is missing or was dropped, and must know what is guarded: bring it back, or take it out of the set");
		return Error(EBUSY);
	}
	if (wanted > free) {
		dmr_format(reason, DMR_REASON_SIZE, "%llu blocks are to move to the spares, which have room for %llu: add one, or guard fewer", ull(wanted), ull(free));
		return Error(ENOSPC);
	}
	if (DurableMap::most_added * pieces > map_.room()) {
		dmr_format(reason, DMR_REASON_SIZE, "the map has room for %llu more entries, which may be too few: guard fewer, or larger pieces", ull(map_.room()));
		return Error(ENOSPC);
	}
	if (Error error = map_.prepare_to_guard()) {
		dmr_format(reason, DMR_REASON_SIZE, "that the set is guarded cannot be written on any spare: error %d", error.negative());
		return error;
	}
	return Error::none();
}

// Its data must be there to be moved. wanted: blocks that live on main; pieces: what the map says of it.
Error Engine::may_guard_part(const Mover::Guarding::Part &part, uint64_t &wanted, uint64_t &pieces, char *reason) const
{
	for (MainBlock at = part.from; at < part.end; pieces++) {
		const IndexAnswer answer = map_.lookup(at, part.end);
		const MainBlock stop = answer.extent.end() < part.end ? answer.extent.end() : part.end;

		if (answer.found && answer.extent.kind != ExtentKind::mapped) {
			dmr_format(reason, DMR_REASON_SIZE, "sector %llu cannot be guarded, as nobody has its data (it is %s): write it anew first, or leave it out",
				   block_size_.to_sectors(at).print(), kind_text(answer.extent.kind));
			return Error(EINVAL);
		}
		wanted += answer.found ? 0 : (stop - at).value;
		at = stop;
	}
	return Error::none();
}

// Is this the main that was guarded? If it shows nothing but guards of another, its data is not the set's.
Error Engine::look_at_guard(char *reason)
{
	if (map_.index().guarded() == Blocks(0))
		return Error::none();
	uint8_t *buffer = static_cast<uint8_t *>(dmr_io_buffer_alloc(GuardState::buffer_bytes));

	if (!buffer) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the device");
		return Error(ENOMEM);
	}
	const GuardState::Scope scope = { .buffer = buffer, .deadline_ns = dmr_now_ns() + guard_look_ns, .stop = nullptr };
	uint64_t sector = 0;
	const GuardState::Outcome outcome = guard_.look(GuardStamp::of(map_.setup(), name_), scope, &sector);

	dmr_io_buffer_free(buffer, GuardState::buffer_bytes);
	if (outcome != GuardState::Outcome::foreign)
		return Error::none();
	dmr_device_info info;

	dmr_device_describe(p_.main, &info);
	dmr_format(reason, DMR_REASON_SIZE, "main %s is guarded, sector %llu says, but not by this set, or it does not begin where the main of this set does: name the main that belongs to these spares, from the same beginning",
		   info.name, ull(sector));
	return Error(EINVAL);
}

void Engine::tell_guard()
{
	if (map_.index().guarded() == Blocks(0))
		return;
	if (guard_.missing() > 0)
		dmr_log(p_.inst, DMR_LOG_WARN, "%llu guarded blocks of %u bytes do not hold their guard on main, or cannot be read there: what the device shows is right; 'guard' again completes it",
			ull(guard_.missing()), block_size_.bytes());
	else if (guard_.unknown() > 0)
		dmr_log(p_.inst, DMR_LOG_WARN, "main is too slow, or failed, to see whether all its guard blocks are there");
	else
		dmr_log(p_.inst, DMR_LOG_INFO, "main is the one that was guarded: %llu blocks of %u bytes hold their guard",
			map_.index().guarded().print(), block_size_.bytes());
}

// Nothing, if nothing is guarded.
void Engine::message_guard(TextWriter &out) const
{
	const Blocks guarded = map_.index().guarded(), missing(guard_.missing());

	if (guarded == Blocks(0))
		return;
	out.print("guard state=%s sectors=%llu missing_sectors=%llu main_uuid=",
		  missing > Blocks(0) ? "incomplete" : guard_.unknown() > 0 ? "unknown" : "complete",
		  block_size_.to_sectors(guarded).print(), block_size_.to_sectors(missing < guarded ? missing : guarded).print());
	for (uint32_t i = 0; i < DMR_UUID_SIZE; i++)
		out.print("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", set_.setup().main_uuid[i]);
	out.put('\n');
}

} // namespace dm_remap
