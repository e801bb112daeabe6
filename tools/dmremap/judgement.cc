// SPDX-License-Identifier: GPL-2.0
#include "judgement.hh"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace dm_remap::tool {

namespace {

// By how full it is, from the kernel's own warnings on.
constexpr uint64_t low_part = 4, map_percent = 80;
// Replace main soon: docs/administration.md.
constexpr uint64_t low_health = 70;

class Judge final {
public:
	Judge(const LiveStatus &status, const Surroundings &around) : s_(status), a_(around) {}

	Judgement judge()
	{
		mode();
		for (const LiveSpare &spare : s_.spares)
			look_at(spare);
		blocks();
		guard();
		room();
		rest();
		Judgement out;

		out.add(std::move(found_));
		return out;
	}

private:
	void add(Urgency urgency, std::string id, std::string text, std::string action)
	{
		found_.push_back({std::move(id), std::move(text), std::move(action), urgency});
	}
	std::string restart() const { return fmt::format("'dmremap close {0}' and 'dmremap open {0}'", a_.name); }

	void mode()
	{
		const std::string copy = "copy the data to a new disk, through the device";

		if (s_.mode == "read_only")
			add(Urgency::note, "read-only", "the table is read-only: nothing is written, and what becomes pending is forgotten",
			    "to write again: " + restart());
		else if (s_.mode == "spare_exhausted")
			add(Urgency::critical, "spare-exhausted", "no spare block is free: new bad blocks fail as on the bare disk",
			    fmt::format("'dmremap add-spare {} DEV', and {}", a_.name, copy));
		else if (s_.mode == "map_full")
			add(Urgency::critical, "map-full", "the map is full: new bad blocks fail as on the bare disk", copy);
		else if (s_.mode == "main_read_only")
			add(Urgency::critical, "main-read-only", "main refuses every write: no block is remapped", copy);
		else if (s_.mode == "main_gone")
			add(Urgency::critical, "main-gone", fmt::format("main, {}, does not answer: no block is remapped", a_.main),
			    "check its cable and power");
		else if (s_.mode == "metadata_failed")
			add(Urgency::critical, "metadata-failed", "no spare takes metadata any more: no more remaps, existing ones are served",
			    "check the spares' disks, then " + restart());
		else if (s_.mode != "ok")
			add(Urgency::attention, "mode", fmt::format("the modules say '{}', which this dmremap does not know", s_.mode),
			    "see the modules' docs/reference.md");
	}

	void look_at(const LiveSpare &spare)
	{
		const std::string who = fmt::format("spare {}, {},", spare.number, a_.path(spare));
		const std::string on_it = spare.used ? fmt::format("{} sectors that live on it", spare.used) : "nothing lives on it";
		const std::string take_out = fmt::format("'dmremap remove-spare {} {}'", a_.name, spare.number);
		const std::string forget = fmt::format("'dmremap forget-spare {} {}'", a_.name, spare.number);

		if (spare.missing())
			add(Urgency::attention, "spare-missing",
			    fmt::format("{} is missing: {}", who, spare.used ? on_it + " cannot be read until they are written" : on_it),
			    fmt::format("find it, then {}; if it is gone for good, {}", restart(), forget));
		else if (spare.state == "dropped")
			add(Urgency::attention, "spare-dropped",
			    fmt::format("{} takes no metadata and was dropped: {}", who, spare.used ? on_it + " are served from it" : on_it),
			    fmt::format("check its disk, then {}; or {}; if it cannot be read any more, {}", restart(), take_out, forget));
		else if (spare.state == "avoided")
			add(Urgency::attention, "spare-avoided", fmt::format("{} fails: nothing new goes there", who),
			    fmt::format("check its disk, then {}; or {}", restart(), take_out));
		else if (spare.state == "behind")
			add(Urgency::attention, "spare-behind",
			    fmt::format("{} is behind the others, and a read-only table does not bring it up to date", who), restart());
		else if (spare.state != "active" && spare.state != "removing" && spare.state != "failed")
			add(Urgency::attention, "spare-state",
			    fmt::format("{} is '{}', which this dmremap does not know", who, spare.state), "see the modules' docs/reference.md");
	}

	void blocks()
	{
		if (s_.lost)
			add(Urgency::attention, "lost",
			    fmt::format("{} sectors are lost: they lived on a spare that was forgotten, and fail until they are written", s_.lost),
			    fmt::format("restore the files that own them; 'dmremap files {}' names them", a_.name));
		if (s_.pending)
			add(Urgency::attention, "pending", fmt::format("{} sectors cannot be read and are on no spare", s_.pending),
			    fmt::format("'dmremap retry {0}' asks the disk once more; then restore the files that own them, or write them anew; 'dmremap files {0}' names them", a_.name));
		if (s_.moved_away())
			add(Urgency::note, "remapped", fmt::format("{} sectors of main live on spares", s_.moved_away()),
			    fmt::format("plan to replace {}", a_.main));
	}

	void guard()
	{
		// A job that is under way makes it so, or takes it off.
		if (s_.guard && !s_.guard->complete() && !(s_.job && s_.job->running()))
			add(Urgency::attention, "guard-incomplete",
			    s_.guard->missing ? fmt::format("{} sectors of {} lack the guard that is to be there, and may be taken for what they were", s_.guard->missing, a_.main)
					      : fmt::format("whether {} has its guard everywhere is not known: it was too slow, or failed", a_.main),
			    fmt::format("'dmremap guard on {}'", a_.name));
	}

	void room()
	{
		if (s_.mode != "spare_exhausted" && s_.pool_total && s_.pool_free < s_.pool_total / low_part)
			add(Urgency::attention, "spares-low", fmt::format("{} of {} spare sectors are free", s_.pool_free, s_.pool_total),
			    fmt::format("'dmremap add-spare {} DEV', or replace {}", a_.name, a_.main));
		if (s_.mode != "map_full" && s_.max_extents && s_.extents >= s_.max_extents / 100 * map_percent)
			add(Urgency::attention, "map-low", fmt::format("{} of {} entries of the map are used", s_.extents, s_.max_extents),
			    fmt::format("replace {}", a_.main));
	}

	void rest()
	{
		if (s_.health < low_health && found_.end() == std::find_if(found_.begin(), found_.end(),
										  [](const Finding &f) { return f.urgency > Urgency::note; }))
			add(Urgency::attention, "health", fmt::format("the health score is {}: errors are frequent", s_.health),
			    fmt::format("replace {} soon", a_.main));
		if (a_.suspended)
			add(Urgency::attention, "suspended", "the device is suspended: I/O waits", fmt::format("'dmsetup resume {}'", a_.name));
		if (!a_.configured)
			add(Urgency::note, "not-configured", "it is not in sets.conf: nothing starts it after a reboot",
			    fmt::format("'dmremap open {}' writes it there", a_.name));
	}

	const LiveStatus &s_;
	const Surroundings &a_;
	std::vector<Finding> found_;
};

} // namespace

void Judgement::add(std::vector<Finding> more)
{
	std::move(more.begin(), more.end(), std::back_inserter(findings));
	std::stable_sort(findings.begin(), findings.end(), [](const Finding &a, const Finding &b) { return a.urgency > b.urgency; });
	const Urgency worst = findings.empty() ? Urgency::note : findings.front().urgency;

	state = worst == Urgency::note ? "ONLINE" : worst == Urgency::attention ? "DEGRADED" : "CRITICAL";
	verdict = worst == Urgency::note ? Verdict::well : worst == Urgency::attention ? Verdict::attention : Verdict::critical;
}

Judgement judge(const LiveStatus &status, const Surroundings &around)
{
	return Judge(status, around).judge();
}

Judgement judge_offline(const std::string &name, const std::string &why, bool released)
{
	Judgement out = {"OFFLINE",
			 Verdict::critical,
			 {{"not-running", "it is in sets.conf, and does not run; main alone lacks what is on spares", fmt::format("'dmremap open {}'", name),
			   Urgency::critical}}};

	if (!why.empty())
		out.findings.push_back({"not-started", "it was not started by itself: " + why,
					fmt::format("connect what is missing, and it starts by itself; or 'dmremap open {}'", name), Urgency::critical});
	if (released)
		out.findings.push_back({"released", "main is neither hidden nor held, until the next boot", fmt::format("'dmremap release-main --undo {}'", name),
					Urgency::attention});
	return out;
}

const char *urgency_text(Urgency urgency)
{
	return urgency == Urgency::note ? "note" : urgency == Urgency::attention ? "attention" : "critical";
}

} // namespace dm_remap::tool
