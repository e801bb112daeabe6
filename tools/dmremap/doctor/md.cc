// SPDX-License-Identifier: GPL-2.0
// Whether mdadm would take main for a member of an array, and whether multipath would take it for a path of a device.
#include "answer.hh"
#include "doctor/raw_main.hh"
#include "machine/identity.hh"
#include "machine/udev.hh"
#include "sysfs.hh"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fnmatch.h>
#include <sstream>

namespace dm_remap::tool {

namespace {

// The words of all DEVICE lines: a line that begins with a blank goes on with the one before; keywords need their first three letters.
std::vector<std::string> device_words(const std::vector<std::string> &lines)
{
	std::vector<std::string> out;
	bool in_device = false;

	for (const std::string &line : lines) {
		std::istringstream words(line);
		std::string word;
		const bool goes_on = !line.empty() && std::isspace(static_cast<unsigned char>(line.front()));

		if (!goes_on && !(words >> word))
			continue;
		if (!goes_on) {
			word = lower(word);
			in_device = word.size() >= 3 && std::string_view("device").starts_with(word);
		}
		while (in_device && words >> word && !word.starts_with("#"))
			out.push_back(word);
	}
	return out;
}

bool takes(const std::vector<std::string> &words, const std::vector<std::string> &names)
{
	return words.empty() || std::ranges::any_of(words, [&](const std::string &word) {
		return word == "partitions" || std::ranges::any_of(names, [&](const std::string &name) { return !fnmatch(word.c_str(), name.c_str(), 0); });
	});
}

// Members of arrays that there are besides, as this machine's udev knows them.
std::string other_members(const Subject &subject)
{
	std::string out;

	for (const std::string &number : sysfs::all())
		if (udev::property(number, "ID_FS_TYPE") == "linux_raid_member" && !subject.names.meant_by(sysfs::node(number)) &&
		    sysfs::number(subject.device) != number)
			out += " " + udev::lasting_path(sysfs::node(number));
	return out;
}

} // namespace

void look_at_md(const Tree &tree, const Subject &subject, Findings &out)
{
	if (!tree.has("/usr/sbin/mdadm") && !tree.has("/sbin/mdadm"))
		return;
	const std::string file = tree.has("/etc/mdadm.conf") && !tree.has("/etc/mdadm/mdadm.conf") ? "/etc/mdadm.conf" : "/etc/mdadm/mdadm.conf";

	for (const MainPart &part : subject.names.parts())
		if (part.holds("linux_raid_member") && takes(device_words(tree.lines(file)), part.paths))
			out.push_back({"md",
				       fmt::format("{} is part of an md array, and mdadm may take it in the place of {}: what was remapped is missing there",
						   part.paths.front(), part.served),
				       fmt::format("in {}, write 'DEVICE containers {}{}' in the place of any other DEVICE line; then 'update-initramfs -u -k all'",
						   file, part.served, other_members(subject)),
				       Urgency::critical, file});
}

void look_at_multipath(const Tree &tree, const Subject &subject, Findings &out)
{
	constexpr std::string_view prefix = "wwid:";
	const std::string number = subject.names.parts().front().number, file = "/etc/multipath/wwids";
	std::vector<std::string> known = {subject.main_id.value_or("")};

	if (!tree.has("/usr/sbin/multipath") && !tree.has("/sbin/multipath"))
		return;
	if (!number.empty()) {
		known.push_back(udev::property(sysfs::disk(number), "ID_SERIAL"));
		// What scsi_id makes of a NAA.
		if (const std::string identity = disk_identity_of(number); identity.starts_with(prefix))
			known.push_back("3" + identity.substr(prefix.size()));
	}
	for (const std::string &line : tree.lines(file)) {
		const std::string wwid = line.size() > 2 && line.front() == '/' && line.back() == '/' ? line.substr(1, line.size() - 2) : "";

		if (!wwid.empty() && std::ranges::find(known, wwid) != known.end())
			out.push_back({"multipath",
				       fmt::format("multipath knows main's disk, {}, and may make a device of it before the set has it", wwid),
				       fmt::format("name the device of multipath as main; or 'multipath -w {}', and in /etc/multipath.conf, "
						   "write 'blacklist {{ wwid \"{}\" }}'",
						   subject.main, wwid),
				       Urgency::attention, file});
	}
}

} // namespace dm_remap::tool
