// SPDX-License-Identifier: GPL-2.0
#include "smart/judge_drive.hh"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dm_remap::tool {

namespace {

class Judge final {
public:
	Judge(const DriveHealth &health, const DriveRole &role) : h_(health), r_(role), who_(fmt::format("the drive of {}", role.path)) {}

	std::vector<Finding> judge()
	{
		its_own_verdict();
		sectors();
		if (h_.worn())
			add(Urgency::attention, "smart-worn", fmt::format("{} has used up what it was built for{}", who_, wear()), replace());
		if (h_.failed_self_tests && !r_.logged)
			add(Urgency::attention, "smart-self-test", fmt::format("{} has found something in its self-tests, and names no sector of this", who_),
			    fmt::format("'smartctl -x {}' tells what; {}", r_.disk, replace()));
		return std::move(out_);
	}

private:
	void add(Urgency urgency, std::string id, std::string text, std::string action)
	{
		out_.push_back({std::move(id), std::move(text), std::move(action), urgency, r_.path});
	}
	// Data first: nothing lives on a spare any more when it has been removed.
	std::string replace() const
	{
		if (!r_.spare)
			return fmt::format("replace it: 'dmremap replace {} NEW' moves everything to a new disk", r_.name);
		return fmt::format("replace it: 'dmremap add-spare {0} DEV', then 'dmremap remove-spare {0} {1}', which moves what lives on it", r_.name, *r_.spare);
	}
	std::string wear() const
	{
		std::string text;

		if (h_.wear_percent)
			text = fmt::format(": {} % of its life", *h_.wear_percent);
		if (h_.spare_percent && h_.spare_threshold)
			text += fmt::format("{} {} % of its own spare blocks are left, {} % is too little", text.empty() ? ":" : ",", *h_.spare_percent, *h_.spare_threshold);
		return text;
	}

	void its_own_verdict()
	{
		const std::string about = h_.failing.empty() ? "" : fmt::format(" ({})", fmt::join(h_.failing, ", "));

		if (h_.passed == false)
			add(Urgency::critical, "smart-failing", fmt::format("{} says that it is failing{}", who_, about),
			    fmt::format("copy what matters to another disk now; then {}", replace()));
		else if (!h_.failing.empty())
			add(Urgency::attention, "smart-warning", fmt::format("{} warns of itself{}", who_, about), replace());
		else if (h_.passed && !r_.spare && r_.own_figure)
			add(Urgency::note, "smart-too-kind", fmt::format("{} calls itself healthy, and yet {} sectors of it have failed: believe these", who_, r_.own_figure),
			    "plan to replace it");
		if (!h_.passed && h_.failing.empty())
			add(Urgency::note, "smart-silent", fmt::format("{} does not say how it is, which is no good sign and no bad one", who_),
			    fmt::format("see 'smartctl -x {}'; behind a RAID controller its option -d is needed", r_.disk));
	}

	void sectors()
	{
		if (r_.logged)
			add(Urgency::attention, "smart-logged", fmt::format("{} names {} sectors of main as bad in its logs", who_, r_.logged),
			    fmt::format("'smartctl -x {} | dmremap import {} smart -' moves to spares what can still be read of them", r_.disk, r_.name));
		if (h_.pending.value_or(0))
			add(Urgency::attention, "smart-pending", fmt::format("{} cannot read {} of its sectors now", who_, *h_.pending),
			    r_.spare ? fmt::format("'dmremap scrub {}' moves to another spare block what comes only now and then; {}", r_.name, replace())
				     : fmt::format("'dmremap scrub {0} --wait' saves what still comes, and 'dmremap files {0}' names what is lost", r_.name));
		if (h_.reallocated.value_or(0))
			add(Urgency::note, "smart-reallocated", fmt::format("{} has replaced {} sectors by its own spare ones", who_, *h_.reallocated),
			    r_.spare ? "prefer a better disk for the spare" : "nothing has to be done; a number that grows is a disk that dies");
	}

	const DriveHealth &h_;
	const DriveRole &r_;
	const std::string who_;
	std::vector<Finding> out_;
};

} // namespace

std::vector<Finding> judge_drive(const std::optional<DriveHealth> &health, const DriveRole &role)
{
	// What it has not said it has not denied.
	return Judge(health.value_or(DriveHealth{}), role).judge();
}

} // namespace dm_remap::tool
