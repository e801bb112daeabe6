// SPDX-License-Identifier: GPL-2.0
#include "metadata/offline/survey.hh"

namespace dm_remap::metadata {

namespace {

// The unit says truly when it was written.
constexpr bool whole(UnitState state)
{
	return state == UnitState::good || state == UnitState::stale || state == UnitState::ahead ||
	       state == UnitState::impossible;
}

bool same_records(const format::Unit &a, const format::Unit &b)
{
	const uint8_t *x = reinterpret_cast<const uint8_t *>(&a), *y = reinterpret_cast<const uint8_t *>(&b);

	return header_of(a).count == header_of(b).count && header_of(a).length == header_of(b).length &&
	       !__builtin_memcmp(x + sizeof(format::Header), y + sizeof(format::Header), sizeof(a) - sizeof(format::Header));
}

Generation latest_stamp(const format::Unit &unit)
{
	uint64_t latest = 0;

	for (const format::Sector &sector : unit.sectors)
		latest = sector.stamp > latest ? uint64_t{sector.stamp} : latest;
	return Generation(latest);
}

} // namespace

Error Survey::init(const dmr_member_range *ranges, const dmr_setup &setup)
{
	max_extents_ = setup.max_extents;
	return members_.init(nullptr, ranges, setup);
}

UnitNumber Survey::offset(Kind kind, Slot slot) const
{
	const Layout &layout = members_.layout();

	if (kind == Kind::checkpoint_head)
		return layout.head(Copy::a, slot);
	return kind == Kind::log ? layout.log(Copy::a, slot) : layout.body(Copy::a, slot);
}

// good: a copy that was found good, or null. What says the same needs no second look at its records.
UnitState Survey::judge(const Run &run, uint32_t i, const format::Unit &unit, const Place &place, const format::Unit *good) const
{
	Moment moment = run.moment;

	if (run.kind == Kind::log)
		moment.generation = Generation(moment.generation.value + i);
	UnitState state = inspect_at(unit, place, moment);

	if (state != UnitState::good || (good && same_records(unit, *good)))
		return state;
	bool possible = run.kind == Kind::log
				? log_possible(unit, members_.limits())
				: header_of(unit).count <= format::records_per_unit &&
					  body_possible(unit, members_.limits(),
							run.head ? run.head->records_in(run.first + i) : uint32_t{header_of(unit).count});

	return possible ? UnitState::good : UnitState::impossible;
}

// Findings for units [0, n) of the run. n <= members_.batch().
void Survey::gather(const Run &run, uint32_t n)
{
	for (uint32_t i = 0; i < n; ++i) {
		Finding &finding = batch_[i];

		finding = {};
		finding.kind = run.kind;
		finding.slot = run.slot;
		finding.index = run.first + i;
		finding.offset = offset(run.kind, run.slot) + run.first + i;
		finding.expected = run.moment;
		if (run.kind == Kind::log)
			finding.expected.generation = Generation(run.moment.generation.value + i);
	}
	for (uint32_t member = 0; member < DMR_MAX_MEMBERS; ++member) {
		if (!has(members_.current(), member))
			continue;
		for (Copy copy : format::copies) {
			UnitNumber first = batch_[0].offset + members_.layout().superblock(copy).value;
			uint32_t readable = members_.read(member, first, n);

			for (uint32_t i = 0; i < n; ++i) {
				const format::Unit &unit = members_.loaded(member, i);
				Finding &finding = batch_[i];
				Seen &seen = finding.seen[member][static_cast<uint32_t>(copy)];

				++finding.copies;
				if (readable & 1u << i)
					seen.state = judge(run, i, unit, members_.place(member, run.kind, copy, first + i), finding.content);
				if (whole(seen.state))
					seen.generation = Generation(header_of(unit).generation);
				else if (seen.state == UnitState::torn || seen.state == UnitState::unfinished)
					seen.generation = latest_stamp(unit);
				if (seen.state == UnitState::good && !finding.good++) {
					members_.draft(i) = unit;
					finding.content = &members_.draft(i);
				}
			}
		}
	}
}

// The newest head of a slot; older ones of other copies are stale.
void Survey::gather_head(Slot slot, Finding &finding)
{
	CheckpointHead &newest = heads_[static_cast<uint32_t>(slot)];
	SurveyedSlot &surveyed = found(slot);

	newest = {};
	finding = {};
	finding.kind = Kind::checkpoint_head;
	finding.slot = slot;
	finding.offset = offset(Kind::checkpoint_head, slot);
	for (uint32_t member = 0; member < DMR_MAX_MEMBERS; ++member) {
		if (!has(members_.current(), member))
			continue;
		for (Copy copy : format::copies) {
			Seen &seen = finding.seen[member][static_cast<uint32_t>(copy)];
			UnitNumber unit = finding.offset + members_.layout().superblock(copy).value;
			CheckpointHead head;

			++finding.copies;
			if (members_.read(member, unit, 1))
				seen.state = inspect(members_.loaded(member, 0),
						     members_.place(member, Kind::checkpoint_head, copy, unit));
			if (seen.state != UnitState::good)
				continue;
			seen.generation = Generation(header_of(members_.loaded(member, 0)).generation);
			if (!decode_head(members_.loaded(member, 0), slot, max_extents_, head)) {
				seen.state = UnitState::impossible;
				continue;
			}
			if (head.generation > newest.generation) {
				newest = head;
				members_.draft(0) = members_.loaded(member, 0);
			}
		}
	}
	for (Seen(&copies)[2] : finding.seen)
		for (Seen &seen : copies) {
			if (seen.state != UnitState::good)
				continue;
			if (seen.generation == newest.generation)
				++finding.good;
			else
				seen.state = UnitState::stale;
		}
	finding.content = finding.good ? &members_.draft(0) : nullptr;
	finding.expected = {newest.generation, newest.generation};
	surveyed.head = finding.good != 0;
	surveyed.generation = newest.generation;
	surveyed.entries = newest.entries;
	surveyed.written = newest.written;
}

// The same by the first copy alone, which is written first: if it is whole, its end is the log's.
bool Survey::measure_clean_log(Slot slot)
{
	SurveyedSlot &surveyed = found(slot);
	uint32_t units = members_.layout().log_half_units, n = 0, member = 0, blocks = 0;
	bool ended = false;

	while (!has(members_.current(), member))
		++member;
	for (uint32_t first = 0; first < units; first += n) {
		n = units - first < members_.batch() ? units - first : members_.batch();
		Run run = {Kind::log, slot, first, {Generation(surveyed.generation.value + 1 + first), surveyed.generation}, nullptr};
		UnitNumber unit = offset(Kind::log, slot) + first;
		uint32_t readable = members_.read(member, unit, n);

		for (uint32_t i = 0; i < n; ++i) {
			UnitState state = readable & 1u << i ? judge(run, i, members_.loaded(member, i),
								     members_.place(member, Kind::log, Copy::a, unit + i), nullptr)
							     : UnitState::unreadable;

			if (state == UnitState::good ? ended : state != UnitState::stale)
				return false;
			ended = state != UnitState::good;
			blocks += !ended;
		}
	}
	surveyed.log_blocks = blocks;
	return true;
}

// How far a slot's half leads, and what checkpoint its blocks follow if no head says so.
void Survey::measure_log(Slot slot)
{
	SurveyedSlot &surveyed = found(slot);
	uint32_t units = members_.layout().log_half_units, n = 0;
	uint64_t named = 0;

	if (!members_.current() || (surveyed.head && measure_clean_log(slot)))
		return;
	for (uint32_t pass = surveyed.head ? 1 : 0; pass < 2; ++pass) {
		for (uint32_t first = 0; first < units; first += n) {
			n = units - first < members_.batch() ? units - first : members_.batch();
			gather({Kind::log, slot, first, {Generation(surveyed.generation.value + 1 + first), surveyed.generation}, nullptr},
			       n);
			for (uint32_t i = 0; i < n; ++i) {
				if (batch_[i].good)
					surveyed.log_blocks = first + i + 1;
				// A whole block says the checkpoint by its own generation and place.
				for (const Seen(&copies)[2] : batch_[i].seen)
					for (const Seen &seen : copies)
						if (!pass && whole(seen.state) && seen.generation.value > first + i + 1 + named)
							named = seen.generation.value - (first + i + 1);
			}
		}
		if (!pass)
			surveyed.generation = Generation(named);
		if (!pass && !named)
			return;
	}
}

void Survey::survey_body(Slot slot, Sink sink, void *context)
{
	SurveyedSlot &surveyed = found(slot);
	const CheckpointHead &head = heads_[static_cast<uint32_t>(slot)];
	Moment moment = {surveyed.generation, surveyed.generation};
	uint32_t units = surveyed.head ? head.body_units : static_cast<uint32_t>(members_.layout().body_units());
	uint32_t crc = 0, n = 0;
	bool all = true;

	if (surveyed.generation == Generation(0))
		return;
	for (uint32_t first = 0; first < units; first += n) {
		n = units - first < members_.batch() ? units - first : members_.batch();
		gather({Kind::checkpoint_body, slot, first, moment, surveyed.head ? &head : nullptr}, n);
		for (uint32_t i = 0; i < n; ++i) {
			Finding &finding = batch_[i];

			finding.need = slot == newest_ ? Need::newest : Need::fallback;
			all = all && finding.good;
			// Without a head nobody knows how many there were: what is good was one of them.
			if (!surveyed.head && !finding.good)
				continue;
			if (finding.content)
				for (uint32_t j = 0; j < header_of(*finding.content).count; ++j)
					crc = crc32c(&record_of(*finding.content, j), sizeof(format::Record), crc);
			sink(context, finding);
		}
	}
	surveyed.crc_wrong = surveyed.head && all && crc != head.body_crc;
}

void Survey::survey_log(Slot slot, Sink sink, void *context)
{
	const SurveyedSlot &surveyed = found(slot), &rest = found(other(slot));
	uint32_t units = members_.layout().log_half_units, n = 0;
	uint32_t committed = surveyed.log_blocks;

	// The older half goes on to the newest checkpoint, whatever can still be seen of it.
	if (slot != newest_ && surveyed.generation != Generation(0) && rest.generation > surveyed.generation) {
		uint64_t led = rest.generation.value - surveyed.generation.value - 1;

		committed = led < units ? static_cast<uint32_t>(led) : units;
	}
	for (uint32_t first = 0; first < units; first += n) {
		n = units - first < members_.batch() ? units - first : members_.batch();
		gather({Kind::log, slot, first, {Generation(surveyed.generation.value + 1 + first), surveyed.generation}, nullptr}, n);
		for (uint32_t i = 0; i < n; ++i) {
			// Other copies may lead further.
			if (batch_[i].good && first + i == committed)
				++committed;
			batch_[i].need = first + i >= committed ? Need::behind : slot == newest_ ? Need::newest : Need::fallback;
			sink(context, batch_[i]);
		}
	}
}

void Survey::run(uint32_t members, Sink sink, void *context)
{
	members_.set_parts(members, 0);
	for (Slot slot : slots) {
		gather_head(slot, batch_[0]);
		measure_log(slot);
	}
	newest_ = found(Slot::one).generation > found(Slot::zero).generation ? Slot::one : Slot::zero;
	for (Slot slot : slots) {
		// Measuring has taken its place. It leaves what is known of the slot as it was.
		SurveyedSlot known = found(slot);

		gather_head(slot, batch_[0]);
		found(slot) = known;
		batch_[0].need = slot == newest_ ? Need::newest : Need::fallback;
		sink(context, batch_[0]);
	}
	for (Slot slot : slots) {
		survey_body(slot, sink, context);
		survey_log(slot, sink, context);
	}
}

UnitState read_superblock(const dmr_member_range &range, uint32_t unit_bytes, const Layout &layout, const uint8_t *set,
			  const uint8_t *member, Copy copy, format::Superblock &scratch, dmr_setup &setup, Sectors &where)
{
	Area area(range, unit_bytes);
	UnitNumber number = layout.superblock(copy);
	void *buffer = dmr_io_buffer_alloc(unit_bytes);
	UnitState state = UnitState::unreadable;

	where = area.sector(number);
	if (buffer && area.read(number, 1, buffer)) {
		const format::Unit &unit = *static_cast<const format::Unit *>(buffer);

		state = inspect(unit, {set, member, Kind::superblock, copy, number});
		if (state == UnitState::good) {
			SuperblockState decoded = decode_superblock(unit, scratch, setup);

			if (decoded != SuperblockState::good)
				state = decoded == SuperblockState::unsupported ? UnitState::unsupported : UnitState::impossible;
		}
	}
	if (buffer)
		dmr_io_buffer_free(buffer, unit_bytes);
	return state;
}

} // namespace dm_remap::metadata
