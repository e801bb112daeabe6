// SPDX-License-Identifier: GPL-2.0
// One unit: sealing it before it is written, and telling what is wrong with one that was read.
#ifndef DMR_METADATA_UNIT_HH
#define DMR_METADATA_UNIT_HH

#include "metadata/layout.hh"

namespace dm_remap::metadata {

using format::Kind;

// What a unit turned out to be. Only `good` is believed.
enum class UnitState : uint8_t {
	good,
	stale,		// whole and in its place, of an older generation than asked for
	ahead,		// whole and in its place, of a later generation, or of another checkpoint
	unreadable,	// the device reported an error
	blank,		// all zero, which nothing that was formatted is
	foreign,	// not ours at all
	torn,		// sectors of different writes
	unfinished,	// torn or rotten, and by its stamps the write of what was asked for never came to its end
	rotten,		// of one write, and the checksum is wrong
	unsupported,	// whole, of a version that is not known
	misplaced,	// whole, and meant for another place of this area
	stranger,	// whole, of another set or another member
	impossible,	// whole, and its contents cannot be
};

// For a log line or a reason.
const char *describe(UnitState state);

// What a unit must say of itself to be the one that was asked for.
struct Place {
	const uint8_t *set = nullptr;		// DMR_UUID_SIZE bytes; null: any
	const uint8_t *member = nullptr;
	Kind kind = Kind::log;
	Copy copy = Copy::a;
	UnitNumber unit;
};

// The moment of a log unit or checkpoint body.
struct Moment {
	Generation generation;
	Generation checkpoint;
};

inline format::Header &header_of(format::Unit &unit)
{
	return reinterpret_cast<format::Header &>(unit);
}
inline const format::Header &header_of(const format::Unit &unit)
{
	return reinterpret_cast<const format::Header &>(unit);
}

// The payload of a unit whose payload fits into the first sector.
template <typename T>
inline T &payload_of(format::Unit &unit)
{
	static_assert(sizeof(T) + sizeof(format::Header) <= format::sector_content_bytes && alignof(T) == 1);
	return reinterpret_cast<T &>(unit.sectors[0].content[sizeof(format::Header)]);
}
template <typename T>
inline const T &payload_of(const format::Unit &unit)
{
	return payload_of<T>(const_cast<format::Unit &>(unit));
}

// Record i of a log or body unit, i < records_per_unit.
format::Record &record_of(format::Unit &unit, uint32_t i);
inline const format::Record &record_of(const format::Unit &unit, uint32_t i)
{
	return record_of(const_cast<format::Unit &>(unit), i);
}

// A payload that spans sectors, from and to the joined content. size <= max_payload_bytes.
void scatter_payload(format::Unit &unit, const void *payload, size_t size);
void gather_payload(const format::Unit &unit, void *payload, size_t size);

// Fill the header but for count and length, which the caller has set, and the stamps; checksum last. Everything that
// is not payload must be zero already.
void seal(format::Unit &unit, const Place &place, const Moment &moment);

// Is it whole, ours, and where it should be? Says nothing of generations: good, or any state but stale and ahead.
UnitState inspect(const format::Unit &unit, const Place &place);
// The same for a unit of a known moment: also stale, ahead and unfinished.
UnitState inspect_at(const format::Unit &unit, const Place &place, const Moment &moment);

// Provably from before what was asked for: the only evidence that ends a log.
constexpr bool provably_older(UnitState state)
{
	return state == UnitState::stale || state == UnitState::unfinished;
}

// The CRC-32C of everyone else: initial value and final inversion all ones. Chained by passing the last answer.
inline uint32_t crc32c(const void *data, size_t size, uint32_t previous = 0)
{
	return ~dmr_crc32c(~previous, data, size);
}

bool all_zero(const void *data, size_t size);

} // namespace dm_remap::metadata

#endif
