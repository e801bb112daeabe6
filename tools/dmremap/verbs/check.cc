// SPDX-License-Identifier: GPL-2.0
// check DEV...: every unit of every member, in both copies; branches and generations; the map as the product itself would load it,
// and the allocator against it. Writes nothing.
#include "damage.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

constexpr uint64_t most_lines = 100; // of text; the document has all

class Check final : public Verb {
public:
	const char *name() const override { return "check"; }
	const char *summary() const override { return "check all metadata of a set, unit by unit; writes nothing"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...", "the spares of a set, or images of them");
		o.required();
		o.flag("--test", test_, "judge by the exit status: 0 well, 1 attention, 2 critical, 4 cannot tell");
	}

	int run(Answer &answer) override
	{
		try {
			return judged(answer);
		} catch (const Failure &failure) {
			if (!test_)
				throw;
			answer.fail_judged(failure, failure.status() == ExitStatus::not_found ? Verdict::cannot_tell : Verdict::critical);
		}
	}

private:
	int judged(Answer &answer)
	{
		SetReader set(open_members(names_), answer);
		SetSurvey survey(set, [&](const Damage &found) { tell(answer, set, found); });
		const DamageList &damage = survey.damage();

		if (answer.as_json()) {
			answer.json().value("set", uuid_text(set.setup().set_uuid));
			answer.json().begin_array("damage");
		}
		survey.run();
		if (answer.as_json())
			answer.json().end();
		else if (lines_ > most_lines)
			answer.line("and {} more", lines_ - most_lines);
		for (const metadata::Slot slot : metadata::slots)
			if (survey.survey().slot(slot).crc_wrong)
				problem("body-crc", fmt::format("checkpoint {} (generation {}): its units are good, and do not belong together",
								static_cast<uint32_t>(slot), survey.survey().slot(slot).generation.value));
		const bool loads = load(set, !damage.damaged() && !damage.count(Weight::note));

		return conclude(answer, set, damage, loads);
	}

	void problem(const std::string &id, const std::string &text) { problems_.push_back({id, text}); }

	// Where every copy is good they are all the same.
	bool load(SetReader &set, bool whole)
	{
		try {
			set.load(whole);
		} catch (const Failure &failure) {
			problem(failure.id(), failure.what());
			return false;
		}
		check_allocator(set);
		return true;
	}

	// The load has refused what is in use twice. What is in use must be what the map says, block for block.
	void check_allocator(const SetReader &set)
	{
		std::array<uint64_t, DMR_MAX_MEMBERS> used = {};

		// As a rule the totals agree, and none of them is bad.
		if (set.map().spares().usage(DMR_MAX_MEMBERS).used == set.map().index().mapped().value)
			return;
		set.each_extent([&](const Extent &extent) {
			if (extent.kind == ExtentKind::mapped)
				used[extent.member] += extent.length.value;
		});
		for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++) {
			if (!set.has_slot(slot))
				continue;
			const dmr_pool_usage usage = set.map().spares().usage(slot);
			uint64_t bad_in_use = 0;

			if (usage.used != used[slot])
				set.each_extent([&](const Extent &extent) {
					if (extent.kind == ExtentKind::mapped && extent.member == slot)
						bad_in_use += bad_blocks(set, extent);
				});
			if (usage.used + bad_in_use != used[slot])
				problem("allocator", fmt::format("spare {}: the map places {} blocks there, the allocator has {} in use", slot,
								 used[slot], usage.used + bad_in_use));
		}
	}

	// A block that went bad while it served is counted as bad.
	static uint64_t bad_blocks(const SetReader &set, const Extent &extent)
	{
		const uint64_t end = extent.spare.value + extent.length.value;
		dmr_spare_extent bad;
		uint64_t n = 0;

		for (uint64_t from = extent.spare.value; set.map().spares().next_bad(extent.member, from, bad) && bad.block < end;
		     from = bad.block + bad.length)
			n += std::min(end, bad.block + bad.length) - std::max(from, bad.block);
		return n;
	}

	void tell(Answer &answer, const SetReader &set, const Damage &found)
	{
		if (answer.as_json()) {
			JsonWriter &out = answer.json();

			out.begin_object({}, JsonWriter::Style::compact);
			out.word("weight", weight_text(found.weight));
			out.value("path", set.member(found.slot)->path());
			out.value("spare", found.slot);
			out.value("sector", found.sector);
			out.value("sectors", found.sectors);
			out.word("copy", found.copy == format::Copy::a ? "a" : "b");
			out.value("unit", unit_text(found));
			out.value("units", found.units);
			out.value("state", metadata::describe(found.state));
			out.value("generation", found.generation);
			out.end();
		} else if (lines_++ < most_lines) {
			answer.line("{}: sector {}: {}, copy {}: {}{}", shown(set.member(found.slot)->path()), found.sector, unit_text(found),
				    found.copy == format::Copy::a ? 'A' : 'B', metadata::describe(found.state),
				    found.weight == Weight::lost	? ": no copy of it is good"
				    : found.weight == Weight::redundant ? ", mended at the next start"
									: ", left half done by a power cut, and nobody counts on it");
		}
	}

	int conclude(Answer &answer, const SetReader &set, const DamageList &damage, bool loads)
	{
		const bool whole = loads && problems_.empty() && !damage.damaged();
		const bool moving = !whole && set.held();

		if (moving)
			answer.warn("in-use", "a spare is in use: what looks like damage may be a log that moves; 'dmsetup suspend' holds it still");
		if (answer.as_json())
			write(answer.json(), set, damage, loads);
		else
			print(answer, set, damage, loads);
		if (test_)
			return static_cast<int>(moving			       ? Verdict::cannot_tell
						: !loads		       ? Verdict::critical
						: whole && !incomplete(set) ? Verdict::well
									    : Verdict::attention);
		return static_cast<int>(whole ? ExitStatus::done : moving ? ExitStatus::busy : ExitStatus::failed);
	}

	// A member of the set is not here, or behind.
	static bool incomplete(const SetReader &set)
	{
		for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++)
			if (set.has_slot(slot) && !(set.believed() >> slot & 1))
				return true;
		return false;
	}

	void write(JsonWriter &out, const SetReader &set, const DamageList &damage, bool loads) const
	{
		out.begin_array("problems");
		for (const Problem &problem : problems_) {
			out.begin_object({}, JsonWriter::Style::compact);
			out.value("id", problem.id);
			out.value("text", problem.text);
			out.end();
		}
		out.end();
		out.value("loads", loads);
		out.value("generation", loads ? std::optional(set.generation()) : std::nullopt);
		out.value("extents", loads ? std::optional(set.map().index().extents()) : std::nullopt);
		out.value("complete", !incomplete(set));
		out.begin_object("units", JsonWriter::Style::compact);
		out.value("checked", damage.units());
		out.value("lost", damage.count(Weight::lost));
		out.value("redundant", damage.count(Weight::redundant));
		out.value("notes", damage.count(Weight::note));
		out.end();
	}

	void print(Answer &answer, const SetReader &set, const DamageList &damage, bool loads) const
	{
		for (const Problem &problem : problems_)
			answer.line("{}", problem.text);
		answer.line("{} units checked: {} damaged, {} of them in all copies", damage.units(), damage.damaged(),
			    damage.count(Weight::lost));
		if (loads)
			answer.line("the map loads: generation {}, {} extents", set.generation(), set.map().index().extents());
		else
			answer.line("the map does not load: make an image of each spare, then see 'dmremap repair'");
	}

	struct Problem {
		std::string id, text;
	};

	std::vector<std::string> names_;
	bool test_ = false;
	uint64_t lines_ = 0;
	std::vector<Problem> problems_;
};

} // namespace

std::unique_ptr<Verb> make_check()
{
	return std::make_unique<Check>();
}

} // namespace dm_remap::tool
