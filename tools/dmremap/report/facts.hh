// SPDX-License-Identifier: GPL-2.0
// All that a report on a set says. What cannot be had is left out, and it is said why.
#ifndef DMREMAP_REPORT_FACTS_HH
#define DMREMAP_REPORT_FACTS_HH

#include "files/blocks.hh"
#include "health/health_report.hh"
#include "machine/judged.hh"
#include "main_cells.hh"
#include "smart/drive.hh"

#include <optional>
#include <string>
#include <vector>

namespace dm_remap::tool {

template <typename T>
struct Known {
	std::optional<T> value = {};
	std::string why_not = {};	// a sentence, if there is none
};

struct ReportFacts {
	uint64_t time = 0;	// seconds since 1970
	std::string host;
	JudgedSet set;		// with what its drives say, among the findings
	std::vector<std::string> spare_paths = {}; // of set.live->spares
	// No value: it does not run.
	std::optional<MainCells> cells = {};
	std::optional<HealthReport> health = {};
	std::optional<History> history = {}; // of the set, whether or not it runs
	Known<std::vector<Drive>> drives = {};
	Known<std::vector<Block>> blocks = {}; // that cannot be read
	std::vector<std::string> warnings = {}; // sentences
};

// Asks the device, its drives and the filesystems on it. Nothing is changed. Throws Failure: the device went away.
ReportFacts report_on(Answer &answer, const Machine &machine, const JudgedSet &set);

// Keys of the open object: the same facts.
void write_report(JsonWriter &out, const Machine &machine, const ReportFacts &facts);

} // namespace dm_remap::tool

#endif
