// SPDX-License-Identifier: GPL-2.0
#include "metadata/probe.hh"

#include "metadata/superblock_places.hh"

#include <dm_remap/lineage.hh>

namespace dm_remap::metadata {

// Is the unit at this sector of the device a superblock of ours that says that it belongs there?
Prober::Found Prober::examine(Sectors place)
{
	const format::Unit &unit = *reinterpret_cast<const format::Unit *>(buffer_);
	const format::Header &header = header_of(unit);

	if (dmr_device_read(range_.dev, place.value, buffer_, format::sectors_per_unit) != DMR_STS_OK)
		return Found::unreadable;
	if (__builtin_memcmp(header.magic, format::magic, sizeof(header.magic)))
		return Found::nothing;

	// Set and member are what it is asked for; the place is compared once its layout is known.
	Place said = {nullptr, nullptr, static_cast<Kind>(static_cast<uint16_t>(header.kind)),
		      static_cast<Copy>(static_cast<uint32_t>(header.copy)), UnitNumber(header.unit)};

	switch (inspect(unit, said)) {
	case UnitState::good:
		break;
	case UnitState::unsupported:
		return Found::unsupported;
	default:
		return Found::remains;
	}
	if (said.kind == Kind::superblock)
		return examine_superblock(place, unit);
	return said.kind == Kind::formatting ? examine_mark(place, unit) : Found::remains;
}

Prober::Found Prober::examine_superblock(Sectors place, const format::Unit &unit)
{
	const format::Header &header = header_of(unit);

	switch (decode_superblock(unit, scratch_, candidate_)) {
	case SuperblockState::good:
		break;
	case SuperblockState::unsupported:
		return Found::unsupported;
	case SuperblockState::impossible:
		return Found::remains;
	}
	const dmr_member_entry &own = candidate_.members[candidate_.own_index];
	Copy copy = header.copy == 0 ? Copy::a : Copy::b;
	UnitNumber unit_number = layout_of(candidate_).superblock(copy);
	Sectors expected = area_start(Sectors(range_.start), own.unit_bytes) +
			   Sectors(unit_number.value * (own.unit_bytes / format::sector_bytes));

	bool in_place = header.copy == static_cast<uint32_t>(copy) && header.unit == unit_number.value && expected == place;

	return in_place ? Found::superblock : Found::remains;
}

Prober::Found Prober::examine_mark(Sectors place, const format::Unit &unit)
{
	const format::Formatting &said = payload_of<format::Formatting>(unit);
	BlankCheck::Mark mark = {place, said.unit_bytes, said.copy_units};

	if (header_of(unit).unit != 0 || header_of(unit).length != sizeof(said) || !unit_bytes_possible(mark.unit_bytes) ||
	    !CopyUnitsChoice::contains(mark.copy_units) || area_start(Sectors(range_.start), mark.unit_bytes) != place)
		return Found::remains;
	mark_ = mark;
	__builtin_memcpy(mark_set_, header_of(unit).set, DMR_UUID_SIZE);
	return Found::mark;
}

bool Prober::same_member() const
{
	const dmr_setup &a = candidate_, &b = out_.setup;

	return same_uuid(a.set_uuid, b.set_uuid) && a.own_index == b.own_index &&
	       same_uuid(a.members[a.own_index].uuid, b.members[b.own_index].uuid);
}

// candidate_ verifies: it is what was found, if it is the newest.
void Prober::accept()
{
	if (found_ && !same_member()) {
		ambiguous_ = true;
		return;
	}
	// What was there before the formatting that was cut off: given up.
	if (mark_ && !same_uuid(mark_set_, candidate_.set_uuid)) {
		remains_ = true;
		return;
	}
	if (!found_ || supersedes(candidate_, out_.setup))
		out_.setup = candidate_;
	found_ = true;
}

// Note what one of the possible places of a superblock holds.
void Prober::take_in(Sectors place)
{
	switch (examine(place)) {
	case Found::superblock:
		accept();
		break;
	case Found::unsupported:
		unsupported_ = true;
		break;
	case Found::remains:
		remains_ = true;
		break;
	case Found::mark:
	case Found::nothing:
	case Found::unreadable:
		break;
	}
}

void Prober::look_for_copy_a()
{
	FirstPlaces places(range_);
	Sectors place, end = Sectors(range_.start + range_.sectors);

	while (!found_ && places.next(place) && place + Sectors(format::sectors_per_unit) <= end)
		take_in(place);
}

// Where copy A says it is; without copy A, at any place where it may be.
void Prober::look_for_copy_b()
{
	SuperblockPlaces places(range_);
	Sectors place;

	if (found_) {
		const dmr_member_entry &own = out_.setup.members[out_.setup.own_index];
		uint64_t unit = layout_of(out_.setup).superblock(Copy::b).value;

		place = area_start(Sectors(range_.start), own.unit_bytes) +
			Sectors(unit * (own.unit_bytes / format::sector_bytes));
		out_.copy_lost = true;
		if (place + Sectors(format::sectors_per_unit) <= Sectors(range_.start + range_.sectors) &&
		    examine(place) == Found::superblock && same_member()) {
			out_.copy_lost = !same_branch(candidate_, out_.setup) ||
					 candidate_.generation != out_.setup.generation;
			accept();
		}
		return;
	}
	while (places.next(place))
		take_in(place);
	out_.copy_lost = found_;
	out_.formatting = found_ && mark_;
}

Error Prober::judge_blank(Reason reason)
{
	BlankCheck check(range_, info_, buffer_);
	Result<BlankCheck::Answer> answer = check.run(mark_);

	if (!answer.ok())
		return DMR_REFUSE_WITH(reason, EIO,
				       "spare %s: sector %llu of its range, or one of the next %u, cannot be read: if it may hold a map, make an image of it (docs/administration.md); if not, name another range, or replace the disk",
				       info_.name, check.failed_at().print(), BlankCheck::buffer_bytes / format::sector_bytes - 1);
	out_.verdict = answer->blank ? DMR_PROBE_BLANK : DMR_PROBE_FOREIGN;
	out_.first_nonzero_sector = answer->first_nonzero.value;
	return Error::none();
}

Error Prober::run(Reason reason)
{
	dmr_device_describe(range_.dev, &info_);
	uint32_t logical = info_.logical_block_bytes / format::sector_bytes;

	__builtin_memset(&out_, 0, sizeof(out_));
	if (!logical || range_.start % logical || range_.start > format::max_sectors || range_.sectors > format::max_sectors)
		return DMR_REFUSE_WITH(reason, EINVAL,
				       "spare %s: a range of %llu sectors from sector %llu on does not fit a device with logical blocks of %u bytes",
				       info_.name, print(range_.sectors), print(range_.start), info_.logical_block_bytes);
	look_for_copy_a();
	look_for_copy_b();

	if (ambiguous_)
		out_.verdict = DMR_PROBE_AMBIGUOUS;
	else if (found_)
		out_.verdict = DMR_PROBE_MEMBER;
	else if (unsupported_)
		out_.verdict = DMR_PROBE_UNSUPPORTED;
	else if (mark_)
		return judge_blank(reason);
	else if (remains_)
		out_.verdict = DMR_PROBE_DAMAGED;
	else
		return judge_blank(reason);
	return Error::none();
}

} // namespace dm_remap::metadata
