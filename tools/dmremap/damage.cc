// SPDX-License-Identifier: GPL-2.0
#include "damage.hh"

#include <dm_remap/lineage.hh>

#include <exception>
#include <new>

namespace dm_remap::tool {

using metadata::Finding;
using metadata::Need;
using metadata::UnitState;

const char *weight_text(Weight weight)
{
	switch (weight) {
	case Weight::note:
		return "note";
	case Weight::redundant:
		return "redundant";
	default:
		return "lost";
	}
}

std::string unit_text(const Damage &damage)
{
	const std::string last = damage.units > 1 ? fmt::format(" to {}", damage.index + damage.units - 1) : "";

	switch (damage.kind) {
	case format::Kind::superblock:
		return "superblock";
	case format::Kind::checkpoint_head:
		return fmt::format("head of checkpoint {}", damage.half);
	case format::Kind::checkpoint_body:
		return fmt::format("body of checkpoint {}, unit {}{}", damage.half, damage.index, last);
	default:
		return fmt::format("log half {}, block {}{}", damage.half, damage.index, last);
	}
}

// Of each member that is believed; of those that are behind only whether they are what they say.
void DamageList::superblocks()
{
	const dmr_setup &newest = set_.setup();

	for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++) {
		if (!set_.member(slot))
			continue;
		const bool headless = set_.headless(slot);
		const dmr_setup &own = headless ? newest : set_.member(slot)->setup();
		struct {
			UnitState state = UnitState::unreadable;
			dmr_setup setup = {};
			Sectors where;
		} found[2];
		format::Superblock scratch;

		for (const format::Copy copy : format::copies) {
			auto &one = found[static_cast<uint32_t>(copy)];

			one.state = metadata::read_superblock(set_.ranges()[slot], newest.members[slot].unit_bytes,
							      metadata::layout_of(newest), newest.set_uuid, newest.members[slot].uuid, copy,
							      scratch, one.setup, one.where);
			if (one.state == UnitState::good && !headless && supersedes(own, one.setup))
				one.state = UnitState::stale;
			units_++;
		}
		const bool any = found[0].state == UnitState::good || found[1].state == UnitState::good;

		for (const format::Copy copy : format::copies) {
			const auto &one = found[static_cast<uint32_t>(copy)];

			if (one.state != UnitState::good)
				add({any ? Weight::redundant : Weight::lost, slot, copy, format::Kind::superblock, 0, 0, 1, one.state,
				     one.where.value, format::sectors_per_unit, own.generation});
		}
	}
}

void DamageList::take(const Finding &finding)
{
	std::optional<uint32_t> &end = end_[static_cast<size_t>(finding.slot)];

	units_ += finding.copies;
	if (finding.need == Need::behind && !end)
		end = finding.index;
	if (finding.good == finding.copies)
		return;
	bool older = false;

	for (const auto &copies : finding.seen)
		for (const metadata::Seen &seen : copies)
			older |= provably_older(seen.state);
	for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++) {
		if (!(set_.believed() >> slot & 1))
			continue;
		for (const format::Copy copy : format::copies) {
			const metadata::Seen &seen = finding.seen[slot][static_cast<uint32_t>(copy)];
			Weight weight = finding.good ? Weight::redundant : Weight::lost;

			if (seen.state == UnitState::good || (finding.need == Need::behind && seen.state == UnitState::stale))
				continue;
			// The first place behind the end may have been a commit: unless a copy proves that it was none.
			if (finding.need == Need::behind)
				weight = seen.state == UnitState::ahead ? Weight::lost
					 : seen.state == UnitState::unfinished ? Weight::note
					 : older || finding.index != *end	      ? Weight::redundant
										      : Weight::lost;
			// The next checkpoint goes over the older one, and was not finished.
			if (finding.need == Need::fallback && finding.kind == format::Kind::checkpoint_body &&
			    seen.generation > survey_.slot(survey_.newest()).generation)
				weight = Weight::note;
			add({weight, slot, copy, finding.kind, static_cast<uint32_t>(finding.slot), finding.index, 1, seen.state,
			     survey_.sector(slot, copy, finding.offset).value, format::sectors_per_unit,
			     finding.expected.generation.value});
		}
	}
}

void DamageList::add(const Damage &damage)
{
	std::optional<Damage> &open = open_[damage.slot][static_cast<uint32_t>(damage.copy)];

	counts_[static_cast<size_t>(damage.weight)]++;
	if (open && open->weight == damage.weight && open->kind == damage.kind && open->half == damage.half &&
	    open->state == damage.state && open->index + open->units == damage.index) {
		open->units++;
		open->sectors = damage.sector + damage.sectors - open->sector;
		return;
	}
	if (open)
		sink_(*open);
	open = damage;
}

void DamageList::finish()
{
	for (auto &member : open_)
		for (std::optional<Damage> &open : member) {
			if (open)
				sink_(*open);
			open.reset();
		}
}

SetSurvey::SetSurvey(const SetReader &set, DamageList::Sink sink) : set_(set), damage_(set, survey_, std::move(sink))
{
	if (survey_.init(set.ranges(), set.setup())) {
		survey_.destroy();
		throw std::bad_alloc();
	}
}

// The survey is the product's: nothing may be thrown through it.
void SetSurvey::run()
{
	struct Context {
		DamageList &damage;
		std::exception_ptr thrown;
	} context{damage_, {}};

	damage_.superblocks();
	survey_.run(
		set_.believed(),
		[](void *p, const metadata::Finding &finding) {
			Context &c = *static_cast<Context *>(p);

			if (c.thrown)
				return;
			try {
				c.damage.take(finding);
			} catch (...) {
				c.thrown = std::current_exception();
			}
		},
		&context);
	if (context.thrown)
		std::rethrow_exception(context.thrown);
	damage_.finish();
}

} // namespace dm_remap::tool
