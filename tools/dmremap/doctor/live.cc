// SPDX-License-Identifier: GPL-2.0
#include "doctor/live.hh"

#include "exit_status.hh"
#include "machine/disk_care.hh"
#include "machine/find_main.hh"
#include "machine/users.hh"
#include "os/program.hh"
#include "sysfs.hh"

#include <fmt/format.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

const std::string &number_of_main(const Subject &subject)
{
	return subject.names.parts().front().number;
}

// By MAJOR:MINOR, with what each is called; those that are there.
std::vector<std::pair<std::string, std::string>> spares_of(const Subject &subject)
{
	std::vector<std::pair<std::string, std::string>> out;

	if (subject.running)
		for (const RunningSpare &spare : subject.running->spares())
			out.emplace_back(spare.number, sysfs::node(spare.number));
	for (size_t i = 0; !subject.running && i < subject.configured->spares.size(); i++) {
		const std::string &path = subject.configured->spares[i].path;

		if (const std::string number = sysfs::number(path); !number.empty())
			out.emplace_back(number, path);
	}
	return out;
}

void look_at_identity(const Subject &subject, Findings &out)
{
	const MainNow main = describe_main(subject.main, subject.main_id);
	const std::string identity = main.identity.identity;

	if (main.identity.id[0] || main.identity.disk[0] || (!identity.empty() && !identity.starts_with("start:")))
		return;
	out.push_back({"identity",
		       fmt::format("nothing tells {} from other disks: a copy of it, or another disk of its size, passes for it", subject.main),
		       fmt::format("give it a name of its own, which stands on its label: 'dmremap close {0}', 'dmremap open {0} --main {1} --main-id TEXT'",
				   subject.name, subject.main),
		       Urgency::attention, subject.main});
}

} // namespace

void look_at_users(const Subject &subject, Findings &out)
{
	if (number_of_main(subject).empty())
		return;
	for (const User &user : users_of(number_of_main(subject)))
		if (!user.remap)
			out.push_back({"in-use", fmt::format("{}: that is main itself, which lacks what was remapped, and what is written to it is missing on {}",
							     user.text, subject.device),
				       fmt::format("{}; then use {}", user.action, subject.device), Urgency::critical, subject.main});
}

void look_at_presence(const Subject &subject, Findings &out)
{
	if (subject.running) {
		if (!subject.configured)
			out.push_back({"not-configured", "it is not in sets.conf: nothing starts it after a reboot",
				       fmt::format("'dmremap close {0}', 'dmremap open {0}' writes it there", subject.name), Urgency::note});
		return;
	}
	for (Finding &finding : judge_offline(subject.name).findings)
		out.push_back(std::move(finding));
	if (number_of_main(subject).empty())
		out.push_back({"main-absent", fmt::format("main, {}, is not there: what on this machine means it is known by this name alone", subject.main),
			       fmt::format("connect it; if it has another name now, 'dmremap open {} --main DEV'", subject.name), Urgency::attention,
			       subject.main});
	for (const ConfiguredSpare &spare : subject.configured->spares)
		if (sysfs::number(spare.path).empty())
			out.push_back({"spare-absent", fmt::format("spare {}, {}, is not there", spare.uuid, spare.path.empty() ? "last seen nowhere" : spare.path),
				       "connect it; 'dmremap list' finds it if it has another name now", Urgency::attention, spare.path});
}

void look_at_guard(const Subject &subject, Findings &out)
{
	const std::vector<DiskSignature> &signatures = subject.names.parts().front().signatures;

	if (!subject.live || subject.live->guard || !subject.live->remapped || signatures.empty())
		return;
	out.push_back({"not-guarded",
		       fmt::format("whoever sees {} without dm-remap, a rescue system or another machine, takes it for {}, without the {} sectors that are on spares",
				   subject.main, signatures.front().text(), subject.live->remapped),
		       fmt::format("'dmremap guard on {0}' keeps it from being recognised; 'dmremap guard off {0}' undoes that", subject.name), Urgency::note,
		       subject.main});
}

void look_at_disks(const Subject &subject, Findings &out, std::vector<std::string> &not_looked_at)
{
	const std::string &main = number_of_main(subject);
	bool asked = true;
	const auto take = [&](std::optional<Finding> finding) {
		if (finding)
			out.push_back(std::move(*finding));
	};

	if (main.empty())
		return;
	try {
		look_at_identity(subject, out);
	} catch (const std::exception &error) {
		not_looked_at.push_back(error.what());
	}
	take(look_at_cache(subject.main, true));
	take(look_at_recovery(subject.main, [&](const std::string &disk) {
		const std::optional<std::string> told = output_of({"smartctl", "--json=c", "-l", "scterc", disk});

		asked = told.has_value();
		return told;
	}));
	if (!asked)
		not_looked_at.push_back(fmt::format("{}: how long it tries a bad sector: smartctl is in the package smartmontools", subject.main));
	for (const auto &[number, path] : spares_of(subject)) {
		take(look_at_cache(path, false));
		take(look_at_place(main, number, path));
	}
}

} // namespace dm_remap::tool
