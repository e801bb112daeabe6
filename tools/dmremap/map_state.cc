// SPDX-License-Identifier: GPL-2.0
#include "map_state.hh"

#include "record_kind.hh"
#include "roles.hh"

#include <new>

namespace dm_remap::tool {

namespace {

constexpr uint64_t most_bits = uint64_t{1} << 29; // 64 MiB

} // namespace

MapState::MapState(const dmr_setup &setup) : limits_(setup)
{
	const BlockSize block(setup.main.block_bytes);

	if (index_.init() || spares_.init(nullptr, &spare_pool_ops) || spares_.reset())
		throw std::bad_alloc();
	uint64_t blocks = 0;

	for (const dmr_member_entry &entry : setup.members)
		blocks += entry.sectors / block.sectors();
	// A bit for each block, or runs of which there may be only so many: nobody knows yet whether the spares are as large as is said.
	for (uint32_t i = 0; i < setup.member_count; i++) {
		const dmr_member_entry &entry = setup.members[i];

		if (entry.state != DMR_MEMBER_ABSENT && entry.state != DMR_MEMBER_JOINING &&
		    spares_.add(i, (entry.data_start + block.sectors() - 1) / block.sectors(), entry.sectors / block.sectors(), blocks > most_bits))
			throw std::bad_alloc();
	}
}

MapState::~MapState()
{
	index_.destroy();
	spares_.destroy();
}

const char *MapState::add(const dmr_record &record)
{
	const MainBlock start(record.main_block), end = start + Blocks(record.length);
	const dmr_spare_extent spare = {record.spare_block, record.length, record.member};
	Error error = Error::none();

	if (!limits_.allow_in_checkpoint(record) || limits_.forgotten(record))
		return "is beyond main, or beyond its spare's blocks, or of a spare that the set does not have";
	if (record.kind == DMR_RECORD_BAD_SPARE) {
		if (spares_.is_bad(spare))
			return "is bad twice";
		error = spares_.note_bad(spare);
	} else {
		const IndexAnswer answer = index_.peek(start, end);

		if (answer.found || answer.extent.end() < end)
			return "is about blocks of main that something else was said of";
		const bool mapped = record.kind == DMR_RECORD_MAP;

		if (mapped)
			error = spares_.reserve(spare);
		if (error.code() == EINVAL)
			return "is on spare blocks that serve others, or are bad";
		if (!error)
			error = index_.put({start, Blocks(record.length), extent_kind(record.kind), record.member, SpareBlock(record.spare_block), is_guarded(record)});
	}
	if (error.code() == ENOMEM)
		throw std::bad_alloc();
	if (error.code() == E2BIG)
		return "is one piece too many, for spares of this size";
	return error ? "cannot be" : nullptr;
}

bool MapState::next(dmr_record &out)
{
	Extent extent;

	if (index_.first_from(at_, extent)) {
		const bool mapped = extent.kind == ExtentKind::mapped;

		out = {extent.start.value, mapped ? extent.spare.value : 0, static_cast<uint32_t>(extent.length.value),
		       record_kind(extent.kind), static_cast<uint8_t>(mapped ? extent.member : 0), record_flags(extent)};
		at_ = extent.end();
		return true;
	}
	for (; member_ < DMR_MAX_MEMBERS; member_++, from_ = 0) {
		dmr_spare_extent bad;

		if (!spares_.next_bad(member_, from_, bad))
			continue;
		out = {0, bad.block, bad.length, DMR_RECORD_BAD_SPARE, static_cast<uint8_t>(member_), 0};
		from_ = bad.block + bad.length;
		return true;
	}
	return false;
}

dmr_record_source MapState::source()
{
	return {this,
		[](void *p) {
			MapState &self = *static_cast<MapState *>(p);

			self.at_ = MainBlock(0);
			self.member_ = 0;
			self.from_ = 0;
		},
		[](void *p, dmr_record *out, uint32_t max) {
			MapState &self = *static_cast<MapState *>(p);
			uint32_t n = 0;

			while (n < max && self.next(out[n]))
				n++;
			return n;
		},
		entries()};
}

} // namespace dm_remap::tool
