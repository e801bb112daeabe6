// SPDX-License-Identifier: GPL-2.0
#include "metadata/loader.hh"

namespace dm_remap::metadata {

namespace {

// The unit says truly when it was written.
constexpr bool whole(UnitState state)
{
	return state == UnitState::good || state == UnitState::stale || state == UnitState::ahead ||
	       state == UnitState::impossible;
}

} // namespace

uint32_t Loader::streams() const
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i)
		n += has(members_.current(), i) ? 2 : 0;
	return n;
}

UnitState Loader::judge(const Wanted &wanted, uint32_t i, const format::Unit &unit, const Place &place) const
{
	Moment moment = {Generation(wanted.moment.generation.value + i * wanted.step), wanted.moment.checkpoint};
	UnitState state = inspect_at(unit, place, moment);

	if (state != UnitState::good)
		return state;
	bool possible = wanted.kind == Kind::log
				? log_possible(unit, members_.limits())
				: body_possible(unit, members_.limits(), wanted.head->records_in(wanted.first + i));

	return possible ? UnitState::good : UnitState::impossible;
}

bool Loader::complete(uint32_t n) const
{
	for (uint32_t i = 0; i < n; ++i)
		if (!votes_[i].good)
			return false;
	return true;
}

// Votes on units [0, n), and a good copy of each in the drafts, where there is one. n <= members_.batch().
void Loader::gather(const Wanted &wanted, uint32_t n)
{
	for (uint32_t i = 0; i < n; ++i)
		votes_[i] = {};
	for (uint32_t member = 0; member < DMR_MAX_MEMBERS; ++member) {
		if (!has(members_.current(), member))
			continue;
		for (Copy copy : format::copies) {
			if (!wanted.every_copy && complete(n))
				return;
			UnitNumber first = wanted.offset + members_.layout().superblock(copy).value;
			uint32_t readable = members_.read(member, first, n);

			for (uint32_t i = 0; i < n; ++i) {
				const format::Unit &unit = members_.loaded(member, i);
				Place place = members_.place(member, wanted.kind, copy, first + i);
				UnitState state = readable & 1u << i ? judge(wanted, i, unit, place) : UnitState::unreadable;
				Vote &vote = votes_[i];

				if (whole(state) && header_of(unit).generation > vote.newest)
					vote.newest = header_of(unit).generation;
				if (state == UnitState::good) {
					if (!vote.good++)
						members_.draft(i) = unit;
				} else if (provably_older(state)) {
					++vote.older;
					vote.torn |= state == UnitState::unfinished;
				} else {
					++vote.lost;
					vote.why = state;
				}
			}
		}
	}
}

void Loader::read_slot(Slot slot)
{
	SlotView &seen = view(slot);

	for (uint32_t member = 0; member < DMR_MAX_MEMBERS; ++member) {
		if (!has(members_.current(), member))
			continue;
		for (Copy copy : format::copies) {
			UnitNumber unit = members_.layout().head(copy, slot);
			UnitState state = UnitState::unreadable;
			CheckpointHead head;

			if (members_.read(member, unit, 1))
				state = inspect(members_.loaded(member, 0),
						members_.place(member, Kind::checkpoint_head, copy, unit));
			if (state == UnitState::good &&
			    !decode_head(members_.loaded(member, 0), slot, setup_.max_extents, head))
				state = UnitState::impossible;
			if (state != UnitState::good) {
				++seen.vote.lost;
				seen.vote.why = state;
			} else if (head.generation > seen.head.generation) {
				seen.vote.older = static_cast<uint8_t>(seen.vote.older + seen.vote.good);
				seen.vote.good = 1;
				seen.head = head;
			} else if (head.generation == seen.head.generation) {
				++seen.vote.good;
			} else {
				++seen.vote.older;
			}
		}
	}
}

bool Loader::verify_body(Slot slot, const CheckpointHead &head)
{
	Moment moment = {head.generation, head.generation};
	uint32_t crc = 0, n = 0;
	bool copies_lost = false;

	for (uint32_t first = 0; first < head.body_units; first += n) {
		n = head.body_units - first < members_.batch() ? head.body_units - first : members_.batch();
		gather({Kind::checkpoint_body, members_.layout().body(Copy::a, slot) + first, moment, 0, &head, first}, n);
		for (uint32_t i = 0; i < n; ++i) {
			if (!votes_[i].good) {
				view(slot).body = votes_[i].older ? UnitState::stale : votes_[i].why;
				return false;
			}
			if (votes_[i].good < streams())
				copies_lost = true;
			for (uint32_t j = 0; j < head.records_in(first + i); ++j)
				crc = crc32c(&record_of(members_.draft(i), j), sizeof(format::Record), crc);
		}
	}
	if (crc != head.body_crc) {
		view(slot).body = UnitState::rotten;
		return false;
	}
	if (copies_lost)
		mend_.checkpoint = true;
	return true;
}

// The newest checkpoint of which every unit has a good copy.
Error Loader::choose(Slot &chosen)
{
	Slot newer = view(Slot::one).head.generation > view(Slot::zero).head.generation ? Slot::one : Slot::zero;

	for (Slot slot : {newer, other(newer)}) {
		const CheckpointHead &head = view(slot).head;

		if (head.generation == Generation(0) || !verify_body(slot, head)) {
			mend_.checkpoint = true;
			continue;
		}
		chosen = slot;
		return Error::none();
	}
	return refuse_no_checkpoint();
}

Error Loader::hand_over(const format::Unit &unit, uint64_t &counter)
{
	uint32_t count = header_of(unit).count;

	for (uint32_t i = 0; i < count; ++i) {
		dmr_record record = decode(record_of(unit, i));

		if (members_.limits().forgotten(record))
			continue;
		int rc = sink_(context_, &record);

		if (rc < 0)
			return DMR_REFUSE_WITH(reason_, -rc,
					       "record %u of generation %llu (kind %u, main block %llu, %u blocks, spare %u block %llu) cannot be taken over: error %d",
					       i, print(header_of(unit).generation), record.kind, print(record.main_block),
					       record.length, record.member, print(record.spare_block), rc);
		++counter;
	}
	return Error::none();
}

Error Loader::hand_over_body(Slot slot, const CheckpointHead &head)
{
	Moment moment = {head.generation, head.generation};
	uint32_t n = 0;

	for (uint32_t first = 0; first < head.body_units; first += n) {
		n = head.body_units - first < members_.batch() ? head.body_units - first : members_.batch();
		gather({Kind::checkpoint_body, members_.layout().body(Copy::a, slot) + first, moment, 0, &head, first, false},
		       n);
		// What has just been verified can only be lost to the device.
		if (!complete(n))
			return DMR_REFUSE_WITH(reason_, EIO, "the checkpoint of generation %llu can no longer be read: try again",
					       head.generation.print());
		for (uint32_t i = 0; i < n; ++i)
			if (Error error = hand_over(members_.draft(i), entries_))
				return error;
	}
	return Error::none();
}

Error Loader::replay(Slot half, HalfRole role, Generation checkpoint, HalfEnd &end)
{
	uint32_t units = members_.layout().log_half_units, n = 0;
	bool ended = false;
	// What is missing if later ones are found behind the end.
	Generation lost_from = role == HalfRole::chosen ? next(checkpoint) : checkpoint;

	end = {0, checkpoint};
	for (uint32_t first = 0; first < units; first += n) {
		n = units - first < members_.batch() ? units - first : members_.batch();
		gather({Kind::log, members_.layout().log(Copy::a, half) + first,
			{Generation(checkpoint.value + 1 + first), checkpoint}, 1}, n);
		for (uint32_t i = 0; i < n; ++i) {
			const Vote &vote = votes_[i];
			uint32_t block = first + i;

			if (!ended && vote.good) {
				// No crash leaves that; and the next load, which expects less here, would have to refuse.
				if (vote.newest > checkpoint.value + 1 + block)
					return refuse_gap(half, block, Generation(checkpoint.value + 2 + block), Generation(vote.newest));
				if (vote.good < streams())
					mend_.checkpoint = true;
				if (Error error = hand_over(members_.draft(i), records_))
					return error;
				++end.used;
				end.generation = next(end.generation);
				continue;
			}
			if (!ended) {
				if (block)
					lost_from = next(end.generation);
				bool was_begun = block || role == HalfRole::chosen;
				Generation expected(checkpoint.value + 1 + block);

				if (vote.all_lost() && vote.newest <= expected.value && (was_begun || role == HalfRole::lost))
					return refuse_lost_block(half, block, expected, vote.why);
				// Torn, as it seems: what was believed must not rest on this for longer.
				if ((vote.lost || vote.torn) && was_begun)
					mend_.checkpoint = true;
				ended = true;
			}
			if (vote.newest >= lost_from.value)
				return refuse_gap(half, block, lost_from, Generation(vote.newest));
			uint32_t &lost_block = mend_.lost_block[static_cast<uint32_t>(half)];

			if (vote.all_lost() && lost_block == Mend::none) {
				lost_block = block;
				mend_.checkpoint = true;
			}
		}
	}
	return Error::none();
}

Error Loader::run(Loaded &out, dmr_load_report &report)
{
	Slot chosen = Slot::zero;
	HalfEnd first, second;

	for (Slot slot : slots) {
		read_slot(slot);
		if (view(slot).vote.lost)
			mend_.checkpoint = true;
	}
	if (Error error = choose(chosen))
		return error;
	const SlotView &base = view(chosen), &rest = view(other(chosen));

	if (base.vote.good < streams())
		mend_.checkpoint = mend_.head = true;
	if (Error error = hand_over_body(chosen, base.head))
		return error;
	if (Error error = replay(chosen, HalfRole::chosen, base.head.generation, first))
		return error;

	// The generation that a later checkpoint has taken, if there was one. It lost its head or body: all that it
	// said has just been replayed, and its own half goes on from there.
	Generation later = next(first.generation);

	if (rest.head.generation > base.head.generation && rest.head.generation != later)
		return refuse_lost_checkpoint(other(chosen), later, rest.head.generation);
	// While a head of the other slot is older, nothing was ever appended behind a later checkpoint there.
	bool never = rest.head.generation != Generation(0) && rest.head.generation < base.head.generation;

	if (Error error = replay(other(chosen), never ? HalfRole::never : HalfRole::lost, later, second))
		return error;
	bool continued = second.used > 0;

	if (continued)
		mend_.checkpoint = mend_.chain = true;
	out.slot = chosen;
	out.head = base.head;
	out.mend = mend_;
	out.tail = {chosen, first.used, base.head.generation, first.generation};
	if (continued)
		out.tail = {other(chosen), second.used, later, second.generation};
	report.generation = out.tail.generation.value;
	report.records = records_;
	report.checkpoint_entries = entries_;
	return Error::none();
}

Loader::Where Loader::where(UnitNumber unit) const
{
	Where place = {};

	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; ++i) {
		if (!has(members_.current(), i))
			continue;
		dmr_device_info info = {};

		dmr_device_describe(members_.area(i).dev(), &info);
		__builtin_memcpy(place.spare, info.name, sizeof(place.spare));
		place.sector = members_.area(i).sector(unit).value;
		break;
	}
	return place;
}

Error Loader::refuse_no_checkpoint()
{
	const SlotView &zero = view(Slot::zero), &one = view(Slot::one);
	Where place = where(members_.layout().head(Copy::a, Slot::zero));
	auto state = [](const SlotView &seen) {
		return describe(seen.head.generation == Generation(0) ? seen.vote.why : seen.body);
	};

	return DMR_REFUSE_WITH(reason_, EUCLEAN,
			       "no checkpoint verifies: in slot 0 (generation %llu, spare %s sector %llu) a unit is %s, in slot 1 (generation %llu) one is %s, in all copies: see docs/administration.md",
			       zero.head.generation.print(), place.spare, print(place.sector), state(zero),
			       one.head.generation.print(), state(one));
}

Error Loader::refuse_lost_block(Slot half, uint32_t block, Generation lost, UnitState why)
{
	Where place = where(members_.layout().log(Copy::a, half) + block);

	return DMR_REFUSE_WITH(reason_, EUCLEAN,
			       "generation %llu may be lost: all copies of block %u of log half %u (spare %s sector %llu) are gone, one is %s: see docs/administration.md",
			       lost.print(), block, static_cast<uint32_t>(half), place.spare, print(place.sector), describe(why));
}

Error Loader::refuse_gap(Slot half, uint32_t block, Generation lost, Generation found)
{
	Where place = where(members_.layout().log(Copy::a, half) + block);

	return DMR_REFUSE_WITH(reason_, EUCLEAN,
			       "generation %llu is lost, but block %u of log half %u (spare %s sector %llu) is of generation %llu: see docs/administration.md",
			       lost.print(), block, static_cast<uint32_t>(half), place.spare, print(place.sector), found.print());
}

Error Loader::refuse_lost_checkpoint(Slot slot, Generation lost, Generation found)
{
	Where place = where(members_.layout().head(Copy::a, slot));

	return DMR_REFUSE_WITH(reason_, EUCLEAN,
			       "generation %llu is lost: the checkpoint of generation %llu in slot %u (spare %s sector %llu) does not verify (a unit is %s), and the log ends before it: see docs/administration.md",
			       lost.print(), found.print(), static_cast<uint32_t>(slot), place.spare, print(place.sector),
			       describe(view(slot).body));
}

} // namespace dm_remap::metadata
