// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/guard.hh"

#include <dm_remap/lineage.hh>
#include <dm_remap/text.hh>

namespace dm_remap {

using format::GuardSector;
using format::is_guard;

GuardStamp GuardStamp::of(const dmr_setup &setup, const char *name)
{
	GuardStamp stamp = {};

	__builtin_memcpy(stamp.set, setup.set_uuid, sizeof(stamp.set));
	__builtin_memcpy(stamp.main, setup.main_uuid, sizeof(stamp.main));
	dmr_format(stamp.name, sizeof(stamp.name), "%s", name);
	return stamp;
}

void GuardStamp::fill(void *to, uint64_t sector, uint32_t sectors) const
{
	GuardSector *guards = static_cast<GuardSector *>(to);

	for (uint32_t i = 0; i < sectors; i++) {
		GuardSector &guard = guards[i];

		__builtin_memset(&guard, 0, sizeof(guard));
		__builtin_memcpy(guard.magic, format::guard_magic, sizeof(guard.magic));
		TextWriter text(guard.text, sizeof(guard.text));
		text.print("This disk is a part of the dm-remap device ");
		text.quoted(name, 120);
		text.print(": use that device and not this disk, do not mount, repair or write it, as some of its blocks live elsewhere; 'dmsetup message NAME 0 unguard' gives them back.\n");
		guard.sector = sector + i;
		__builtin_memcpy(guard.set, set, sizeof(guard.set));
		__builtin_memcpy(guard.main, main, sizeof(guard.main));
		guard.crc = crc_of(guard);
	}
}

bool any_guard(const void *data, uint32_t sectors)
{
	const GuardSector *guards = static_cast<const GuardSector *>(data);

	for (uint32_t i = 0; i < sectors; i++) {
		if (is_guard(guards[i]))
			return true;
	}
	return false;
}

GuardSight look_at_guard(const GuardStamp &stamp, const void *data, uint64_t sector)
{
	const GuardSector &guard = *static_cast<const GuardSector *>(data);

	if (!is_guard(guard))
		return GuardSight::none;
	if (!same_uuid(guard.set, stamp.set) || !same_uuid(guard.main, stamp.main) || guard.sector != sector)
		return GuardSight::foreign;
	return GuardSight::ours;
}

// As much as the buffer holds, at most.
void GuardState::look_at_run(const GuardStamp &stamp, const Scope &scope, MainBlock at, Blocks length, Count &count) const
{
	const uint64_t first = c_.block_size.to_sectors(at).value;
	const uint32_t sectors = static_cast<uint32_t>(c_.block_size.to_sectors(length).value), unit = c_.block_size.sectors();

	if (dmr_device_read(c_.main, first, scope.buffer, sectors) != DMR_STS_OK) {
		if (scope.deadline_ns)
			count.unknown += length.value;
		else if (length == Blocks(1))
			count.missing++;
		else
			for (Blocks i; i < length && !scope.stopped(); i = i + Blocks(1))
				look_at_run(stamp, scope, at + i, Blocks(1), count);
		return;
	}
	for (uint32_t block = 0; block < sectors; block += unit) {
		bool whole = true;

		for (uint32_t i = block; i < block + unit; i++) {
			const GuardSight sight = look_at_guard(stamp, scope.buffer + size_t{i} * DMR_SECTOR_SIZE, first + i);

			whole &= sight == GuardSight::ours;
			count.ours |= sight == GuardSight::ours;
			if (sight == GuardSight::foreign && !count.foreign) {
				count.foreign = true;
				count.foreign_sector = first + i;
			}
		}
		count.missing += !whole;
	}
}

GuardState::Outcome GuardState::look(const GuardStamp &stamp, const Scope &scope, uint64_t *sector)
{
	constexpr MainBlock end(~0ull);
	const Blocks most(buffer_bytes / c_.block_size.bytes());
	Count count;

	for (MainBlock at; at < end;) {
		const IndexAnswer answer = c_.map->lookup(at, end);
		MainBlock stop = answer.extent.end();

		if (answer.found && answer.extent.guarded) {
			if (scope.stopped())
				return Outcome::stopped;
			if (stop - at > most)
				stop = at + most;
			if (scope.deadline_ns && dmr_now_ns() > scope.deadline_ns)
				count.unknown += (stop - at).value;
			else
				look_at_run(stamp, scope, at, stop - at, count);
		}
		at = stop;
	}
	// In the midst of the last of them.
	if (scope.stopped())
		return Outcome::stopped;
	*sector = count.foreign_sector;
	__atomic_store_n(&missing_, count.missing, __ATOMIC_RELAXED);
	__atomic_store_n(&unknown_, count.unknown, __ATOMIC_RELAXED);
	return count.foreign && !count.ours ? Outcome::foreign : Outcome::looked;
}

} // namespace dm_remap
