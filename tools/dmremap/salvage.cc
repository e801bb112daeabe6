// SPDX-License-Identifier: GPL-2.0
#include "salvage.hh"

#include "record_kind.hh"

#include "metadata/offline/survey.hh"

#include <algorithm>
#include <exception>

namespace dm_remap::tool {

using metadata::Finding;
using metadata::Need;
using metadata::Slot;

namespace {

void must(Error error)
{
	if (error.code() == ENOMEM)
		throw std::bad_alloc();
	if (error)
		throw Failure(ExitStatus::failed, "refused", "what is left of the map cannot be put together");
}

Extent range(MainBlock start, MainBlock end)
{
	return {start, end - start, ExtentKind::pending, 0, SpareBlock(0)};
}

// A long range in as many extents as it takes.
void mark(ExtentIndex &index, MainBlock start, MainBlock end)
{
	for (MainBlock at = start; at < end;) {
		const MainBlock to = std::min(end, at + Blocks(ExtentIndex::max_extent_length));

		must(index.put(range(at, to)));
		at = to;
	}
}

// What of an index lies within the hole, cut to it.
template <typename F>
void each_part(const ExtentIndex &index, const Hole &hole, F f)
{
	const MainBlock end = hole.start + hole.length;
	Extent extent;

	for (MainBlock at = hole.start; index.first_from(at, extent) && extent.start < end; at = extent.end()) {
		const MainBlock from = std::max(extent.start, hole.start), to = std::min(extent.end(), end);
		Extent part = extent;

		if (extent.kind == ExtentKind::mapped)
			part.spare = extent.spare + (from - extent.start);
		part.start = from;
		part.length = to - from;
		f(part);
	}
}

} // namespace

// Takes a survey's findings down. Nothing may be thrown through it.
class Salvage::Collector final {
public:
	Part parts[2];

	static void take(void *context, const Finding &finding)
	{
		Collector &self = *static_cast<Collector *>(context);

		try {
			if (!self.thrown_)
				self.take(finding);
		} catch (...) {
			self.thrown_ = std::current_exception();
		}
	}
	void rethrow() const
	{
		if (thrown_)
			std::rethrow_exception(thrown_);
	}

private:
	void take(const Finding &finding)
	{
		Part &part = parts[static_cast<size_t>(finding.slot)];

		if (finding.kind == format::Kind::checkpoint_head)
			return;
		const bool log = finding.kind == format::Kind::log;

		// Behind the end a commit may have been, if nothing proves that it was none.
		if (finding.need == Need::behind && !ahead(finding) && !(first_behind(part, finding) && all_lost(finding)))
			return;
		const size_t first = part.records.size();

		if (finding.content)
			for (uint32_t i = 0; i < metadata::header_of(*finding.content).count; i++)
				part.records.push_back(metadata::decode(metadata::record_of(*finding.content, i)));
		(log ? part.log : part.body)
			.push_back({finding.index, finding.content != nullptr, finding.expected.generation.value, first, part.records.size()});
	}

	static bool first_behind(const Part &part, const Finding &finding)
	{
		return part.generation != 0 && finding.index == part.log.size();
	}

	static bool ahead(const Finding &finding)
	{
		for (const auto &copies : finding.seen)
			for (const metadata::Seen &seen : copies)
				if (seen.state == metadata::UnitState::ahead)
					return true;
		return false;
	}

	static bool all_lost(const Finding &finding)
	{
		for (const auto &copies : finding.seen)
			for (const metadata::Seen &seen : copies)
				if (seen.state == metadata::UnitState::good || provably_older(seen.state))
					return false;
		return true;
	}

	std::exception_ptr thrown_;
};

Salvage::Salvage(const SetReader &set)
	: set_(set), limits_(set.setup()), main_end_(set.block_size().to_blocks(Sectors(set.setup().main.sectors)).value)
{
	metadata::Survey survey;
	Collector collector;

	must(index_.init());
	must(unknown_.init());
	if (survey.init(set.ranges(), set.setup()))
		throw std::bad_alloc();
	for (Part &part : collector.parts)
		part.generation = 1; // until the survey has been through, nothing is known of it
	survey.run(set.believed(), Collector::take, &collector);
	for (const Slot slot : metadata::slots) {
		collector.parts[static_cast<size_t>(slot)].head = survey.slot(slot).head;
		collector.parts[static_cast<size_t>(slot)].generation = survey.slot(slot).generation.value;
	}
	const Slot newest = survey.newest();
	const bool crc_wrong = survey.slot(newest).crc_wrong;

	survey.destroy();
	collector.rethrow();
	rebuild(collector.parts[static_cast<size_t>(newest)], collector.parts[static_cast<size_t>(other(newest))], crc_wrong);
}

Salvage::~Salvage()
{
	index_.destroy();
	unknown_.destroy();
}

void Salvage::apply(ExtentIndex &index, const dmr_record &record)
{
	const MainBlock start(record.main_block);
	const Blocks length(record.length);

	if (limits_.forgotten(record) || !limits_.allow(record))
		return;
	if (record.kind == DMR_RECORD_BAD_SPARE)
		bad_.push_back({record.spare_block, record.length, record.member});
	else if (record.kind == DMR_RECORD_CLEAR)
		must(index.clear(start, length));
	else
		must(index.put({start, length, extent_kind(record.kind), record.member, SpareBlock(record.spare_block), is_guarded(record)}));
}

// The blocks of main about which a checkpoint's lost units may have spoken.
std::vector<Hole> Salvage::holes_of(const Part &part) const
{
	std::vector<Hole> holes;
	MainBlock known(0);	// up to here
	bool open = part.body.empty() && !part.head;
	const auto close = [&](MainBlock at) {
		if (open && known < at)
			holes.push_back({known, at - known});
		open = false;
	};
	uint32_t next = 0;

	for (const Unit &unit : part.body) {
		open |= !unit.good || unit.index != next;
		next = unit.index + 1;
		for (size_t i = unit.first; i < unit.end; i++) {
			const dmr_record &record = part.records[i];

			// Behind the index come bad spare blocks: there nothing more is said of main.
			if (record.kind == DMR_RECORD_BAD_SPARE) {
				close(main_end_);
				return holes;
			}
			close(MainBlock(record.main_block));
			known = MainBlock(record.main_block) + Blocks(record.length);
		}
	}
	open |= !part.head;
	close(main_end_);
	return holes;
}

// Block by block. unknown: what a record speaks of is known. lost: takes the generations of those that are lost; without it, one that is
// lost may have changed any block of main.
void Salvage::apply_log(const Part &part, ExtentIndex &index, ExtentIndex &unknown, std::vector<uint64_t> *lost)
{
	for (const Unit &unit : part.log) {
		generation_ = std::max(generation_, unit.generation);
		if (!unit.good && lost)
			lost->push_back(unit.generation);
		else if (!unit.good)
			mark(unknown, MainBlock(0), main_end_);
		for (size_t i = unit.first; i < unit.end; i++) {
			const dmr_record &record = part.records[i];

			apply(index, record);
			if (record.kind != DMR_RECORD_BAD_SPARE && limits_.allow(record))
				must(unknown.clear(MainBlock(record.main_block), Blocks(record.length)));
		}
	}
}

// Within the holes of the newest checkpoint, which are in unknown_, the older one and its log say what they know.
void Salvage::speak_for_holes(const Part &older, uint64_t newest)
{
	ExtentIndex past, past_unknown;
	const std::vector<Hole> mine = holes();

	must(past.init());
	must(past_unknown.init());
	for (const Hole &hole : holes_of(older))
		mark(past_unknown, hole.start, hole.start + hole.length);
	for (const Unit &unit : older.body)
		for (size_t i = unit.first; i < unit.end; i++)
			apply(past, older.records[i]);
	apply_log(older, past, past_unknown, nullptr);
	// It has to lead all the way.
	if (!older.generation || older.generation + older.log.size() + 1 != newest)
		mark(past_unknown, MainBlock(0), main_end_);
	for (const Hole &hole : mine) {
		must(unknown_.clear(hole.start, hole.length));
		each_part(past, hole, [&](const Extent &part) { must(index_.put(part)); });
		each_part(past_unknown, hole, [&](const Extent &part) {
			mark(unknown_, part.start, part.end());
			// What was so once may be so no more.
			must(index_.clear(part.start, part.length));
		});
	}
	past.destroy();
	past_unknown.destroy();
}

void Salvage::rebuild(const Part &newest, const Part &older, bool crc_wrong)
{
	for (const Unit &unit : newest.body) {
		bad_lost_ |= !unit.good;
		for (size_t i = unit.first; i < unit.end; i++)
			apply(index_, newest.records[i]);
	}
	bad_lost_ |= !newest.head || crc_wrong;
	generation_ = std::max(newest.generation, older.generation);
	for (const Hole &hole : holes_of(newest))
		mark(unknown_, hole.start, hole.start + hole.length);
	if (unknown_.extents())
		speak_for_holes(older, newest.generation);
	apply_log(newest, index_, unknown_, &lost_commits_);
	drop_contradictions();
}

// A spare block serves one block of main. Where two claim it, a commit between them is lost, and neither can be believed.
void Salvage::drop_contradictions()
{
	std::vector<Extent> mapped;
	Extent extent;

	for (MainBlock at; index_.first_from(at, extent); at = extent.end()) {
		if (extent.kind != ExtentKind::mapped)
			continue;
		if (set_.has_slot(extent.member)) {
			mapped.push_back(extent);
			continue;
		}
		// Of a spare that was removed: the record that replaced this one is lost.
		must(index_.clear(extent.start, extent.length));
		mark(unknown_, extent.start, extent.end());
	}
	std::sort(mapped.begin(), mapped.end(), [](const Extent &a, const Extent &b) {
		return a.member != b.member ? a.member < b.member : a.spare < b.spare;
	});
	for (size_t i = 0, j = 1; j < mapped.size(); j++) {
		const Extent &a = mapped[i], &b = mapped[j];

		if (a.member == b.member && b.spare < a.spare + a.length) {
			for (const Extent &claim : {a, b}) {
				must(index_.clear(claim.start, claim.length));
				mark(unknown_, claim.start, claim.end());
			}
		}
		// The one that reaches further may meet the next.
		if (a.member != b.member || a.spare + a.length < b.spare + b.length)
			i = j;
	}
}

std::vector<Hole> Salvage::holes() const
{
	std::vector<Hole> holes;
	Extent extent;

	for (MainBlock at; unknown_.first_from(at, extent); at = extent.end())
		holes.push_back({extent.start, extent.length});
	return holes;
}

} // namespace dm_remap::tool
