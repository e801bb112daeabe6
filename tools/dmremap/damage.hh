// SPDX-License-Identifier: GPL-2.0
// What a survey finds wrong, as runs of units that lie one behind the other on a device.
#ifndef DMREMAP_DAMAGE_HH
#define DMREMAP_DAMAGE_HH

#include "set_reader.hh"

#include "metadata/offline/survey.hh"

#include <array>
#include <functional>

namespace dm_remap::tool {

// How much it matters.
enum class Weight : uint8_t {
	note,		// what a power cut leaves: nothing was lost with it
	redundant,	// another copy is good: the next start mends it
	lost,		// no copy is good, and a load needs it
};

struct Damage {
	Weight weight;
	uint32_t slot;			// of the member
	format::Copy copy;
	format::Kind kind;
	uint32_t half = 0;		// checkpoint slot or log half
	uint32_t index = 0, units = 1;	// the first of the run, and how many
	metadata::UnitState state;
	uint64_t sector = 0, sectors = 0; // on the device
	uint64_t generation = 0;	// expected of the first; 0: none in particular
};

const char *weight_text(Weight weight);
// "log half 1 block 4"
std::string unit_text(const Damage &damage);

// Takes findings and superblocks, and hands on runs of damage as they are complete.
class DamageList final {
public:
	using Sink = std::function<void(const Damage &)>;

	DamageList(const SetReader &set, const metadata::Survey &survey, Sink sink)
		: set_(set), survey_(survey), sink_(std::move(sink)) {}

	void superblocks();
	void take(const metadata::Finding &finding);
	void finish();

	uint64_t count(Weight weight) const { return counts_[static_cast<size_t>(weight)]; } // units
	uint64_t damaged() const { return count(Weight::redundant) + count(Weight::lost); }
	uint64_t units() const { return units_; } // looked at, each copy for itself

private:
	void add(const Damage &damage);

	const SetReader &set_;
	const metadata::Survey &survey_;
	Sink sink_;
	std::array<uint64_t, 3> counts_ = {};
	uint64_t units_ = 0;
	std::array<std::optional<uint32_t>, 2> end_; // of each half's log
	std::array<std::array<std::optional<Damage>, 2>, DMR_MAX_MEMBERS> open_;
};

// Every unit of the spares of a set that are believed.
class SetSurvey final {
public:
	// set: has to live on.
	SetSurvey(const SetReader &set, DamageList::Sink sink);
	~SetSurvey() { survey_.destroy(); }
	SetSurvey(const SetSurvey &) = delete;
	SetSurvey &operator=(const SetSurvey &) = delete;

	void run();
	const metadata::Survey &survey() const { return survey_; }
	const DamageList &damage() const { return damage_; }

private:
	const SetReader &set_;
	metadata::Survey survey_;
	DamageList damage_;
};

} // namespace dm_remap::tool

#endif
