// SPDX-License-Identifier: GPL-2.0
#include "metadata/unit.hh"

namespace dm_remap::metadata {

using format::Header;
using format::Unit;

namespace {

// Of kind formatting only the first sector counts: it must be believed or not as one write of one sector.
size_t covered_bytes(const Header &header)
{
	return header.kind == static_cast<uint16_t>(Kind::formatting) ? format::sector_bytes : sizeof(Unit);
}

uint32_t checksum(const Unit &unit)
{
	static constexpr uint8_t zero[sizeof(format::Le32)] = {};
	const uint8_t *bytes = reinterpret_cast<const uint8_t *>(&unit);
	constexpr size_t at = offsetof(Header, crc);
	constexpr size_t after = at + sizeof(format::Le32);
	uint32_t crc = crc32c(bytes, at);

	crc = crc32c(zero, sizeof(zero), crc);
	return crc32c(bytes + after, covered_bytes(header_of(unit)) - after, crc);
}

bool matches(const uint8_t *expected, const uint8_t *found)
{
	return !expected || !__builtin_memcmp(expected, found, DMR_UUID_SIZE);
}

// The checksum is wrong. Stamps that differ from each other are those of different writes.
UnitState torn_or_rotten(const Unit &unit)
{
	uint64_t first = unit.sectors[0].stamp;

	for (const format::Sector &sector : unit.sectors)
		if (sector.stamp != first)
			return UnitState::torn;
	return UnitState::rotten;
}

} // namespace

const char *describe(UnitState state)
{
	switch (state) {
	case UnitState::good:
		return "good";
	case UnitState::stale:
		return "of an older generation";
	case UnitState::ahead:
		return "of a later generation";
	case UnitState::unreadable:
		return "unreadable";
	case UnitState::blank:
		return "zeroed";
	case UnitState::foreign:
		return "overwritten with something else";
	case UnitState::unfinished:
		return "torn before it was finished";
	case UnitState::torn:
		return "torn";
	case UnitState::rotten:
		return "rotten";
	case UnitState::unsupported:
		return "of an unknown version";
	case UnitState::misplaced:
		return "meant for another place";
	case UnitState::stranger:
		return "of another set or spare";
	case UnitState::impossible:
		return "whole but impossible";
	}
	return "unknown";
}

format::Record &record_of(Unit &unit, uint32_t i)
{
	uint32_t sector = 0;
	size_t at = sizeof(Header);

	if (i < format::records_in_first_sector) {
		at += i * sizeof(format::Record);
	} else {
		i -= format::records_in_first_sector;
		sector = 1 + i / format::records_in_sector;
		at = (i % format::records_in_sector) * sizeof(format::Record);
	}
	return reinterpret_cast<format::Record &>(unit.sectors[sector].content[at]);
}

void scatter_payload(Unit &unit, const void *payload, size_t size)
{
	const uint8_t *from = static_cast<const uint8_t *>(payload);
	size_t at = sizeof(Header);

	for (format::Sector &sector : unit.sectors) {
		size_t part = sizeof(sector.content) - at < size ? sizeof(sector.content) - at : size;

		__builtin_memcpy(sector.content + at, from, part);
		from += part;
		size -= part;
		at = 0;
	}
}

void gather_payload(const Unit &unit, void *payload, size_t size)
{
	uint8_t *to = static_cast<uint8_t *>(payload);
	size_t at = sizeof(Header);

	for (const format::Sector &sector : unit.sectors) {
		size_t part = sizeof(sector.content) - at < size ? sizeof(sector.content) - at : size;

		__builtin_memcpy(to, sector.content + at, part);
		to += part;
		size -= part;
		at = 0;
	}
}

void seal(Unit &unit, const Place &place, const Moment &moment)
{
	Header &header = header_of(unit);

	__builtin_memcpy(header.magic, format::magic, sizeof(header.magic));
	header.version = format::version;
	header.kind = static_cast<uint16_t>(place.kind);
	__builtin_memcpy(header.set, place.set, DMR_UUID_SIZE);
	__builtin_memcpy(header.member, place.member, DMR_UUID_SIZE);
	header.unit = place.unit.value;
	header.generation = moment.generation.value;
	header.checkpoint = moment.checkpoint.value;
	header.copy = static_cast<uint32_t>(place.copy);
	for (format::Sector &sector : unit.sectors)
		sector.stamp = moment.generation.value;
	// As checksum(), in one piece.
	header.crc = 0;
	header.crc = crc32c(&unit, covered_bytes(header));
}

UnitState inspect(const Unit &unit, const Place &place)
{
	const Header &header = header_of(unit);

	if (__builtin_memcmp(header.magic, format::magic, sizeof(header.magic)))
		return all_zero(&unit, sizeof(unit)) ? UnitState::blank : UnitState::foreign;
	if (header.crc != checksum(unit))
		return torn_or_rotten(unit);
	if (header.version != format::version)
		return UnitState::unsupported;
	if (!matches(place.set, header.set) || !matches(place.member, header.member))
		return UnitState::stranger;
	if (header.kind != static_cast<uint16_t>(place.kind) || header.copy != static_cast<uint32_t>(place.copy) ||
	    header.unit != place.unit.value)
		return UnitState::misplaced;
	return UnitState::good;
}

namespace {

// Two sectors at least are from before this moment, and none from after it: one might be a bit of a stamp that rotted. A
// commit counts only when every copy of it is whole, so this one never did; an old tear, which nobody wrote over since,
// must not stand for a lost copy when the other one rots.
bool never_finished(const Unit &unit, Generation generation)
{
	uint32_t older = 0;

	for (const format::Sector &sector : unit.sectors) {
		if (sector.stamp > generation.value)
			return false;
		older += sector.stamp < generation.value;
	}
	return older >= 2;
}

} // namespace

UnitState inspect_at(const Unit &unit, const Place &place, const Moment &moment)
{
	UnitState state = inspect(unit, place);
	const Header &header = header_of(unit);

	if ((state == UnitState::torn || state == UnitState::rotten) && never_finished(unit, moment.generation))
		return UnitState::unfinished;
	if (state != UnitState::good)
		return state;
	if (header.generation < moment.generation.value)
		return UnitState::stale;
	if (header.generation > moment.generation.value || header.checkpoint != moment.checkpoint.value)
		return UnitState::ahead;
	return UnitState::good;
}

bool all_zero(const void *data, size_t size)
{
	const uint8_t *bytes = static_cast<const uint8_t *>(data);

	// A buffer that begins with zero and equals itself shifted by one is zero throughout.
	return !size || (!bytes[0] && !__builtin_memcmp(bytes, bytes + 1, size - 1));
}

} // namespace dm_remap::metadata
