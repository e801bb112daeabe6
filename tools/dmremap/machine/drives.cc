// SPDX-License-Identifier: GPL-2.0
#include "machine/drives.hh"

#include "lists/block_list.hh"
#include "machine/disk_care.hh"
#include "machine/drive_of.hh"
#include "machine/judged.hh"
#include "os/program.hh"
#include "sysfs.hh"

namespace dm_remap::tool {

namespace {

// Sectors of main that its drive's logs name. Of a log that cannot be used for that it is said why.
uint64_t logged(Answer &answer, const Running &device, const LiveStatus &live, const std::string &told)
{
	try {
		const BlockList list = read_smart(told);

		return plan_import(list, list.unit.value_or(live.block_bytes), live.block_bytes,
				   drive_of(device, "its logs are not looked at"), "its logs are not looked at")
			.sectors;
	} catch (const Failure &failure) {
		answer.note(failure.what());
		return 0;
	}
}

Drive ask_drive(Answer &answer, const Running &device, const LiveStatus &live, DriveRole role, const std::string &number)
{
	const std::vector<std::string> below = sysfs::disks_below(number);

	role.disk = sysfs::node(below.size() == 1 ? below.front() : sysfs::disk(number));
	if (below.size() != 1) {
		answer.warn("no-drive", fmt::format("{} lies on {} drives: ask each of them with smartctl", role.path, below.size()));
		return {std::move(role), {}, {}};
	}
	const std::optional<std::string> told = output_of({"smartctl", "--json=c", "-x", role.disk});

	if (!told)
		throw Failure(ExitStatus::failed, "no-smartctl", "there is no smartctl, which speaks to drives: install the package smartmontools");
	Drive drive = {std::move(role), {}, {}};

	try {
		if (DriveHealth health = read_drive_health(*told); !health.protocol.empty())
			drive.health = std::move(health);
	} catch (const Failure &failure) {
		answer.warn("no-answer", fmt::format("{}: {}: is it of version 7 or later, and what does 'smartctl --json -x {}' say?", drive.role.path,
						     failure.what(), drive.role.disk));
	}
	if (!drive.role.spare) {
		drive.role.own_figure = live.moved_away() + live.pending + live.lost;
		drive.role.logged = logged(answer, device, live, *told);
		drive.recovery = look_at_recovery(drive.role.path, [&](const std::string &) { return told; });
	}
	return drive;
}

} // namespace

std::vector<Drive> ask_drives(Answer &answer, const Machine &machine, const Running &device, const LiveStatus &live)
{
	std::vector<Drive> out;

	out.push_back(ask_drive(answer, device, live, {.name = device.name(), .path = path_of_main(machine, device)}, device.main_number()));
	for (const LiveSpare &spare : live.spares)
		if (!spare.missing())
			out.push_back(ask_drive(answer, device, live, {.name = device.name(),
								       .path = path_of_spare(machine, device, live, spare),
								       .spare = spare.number}, spare.device));
	return out;
}

std::vector<Finding> judge_drives(const std::vector<Drive> &drives)
{
	std::vector<Finding> out;

	for (const Drive &drive : drives) {
		for (Finding &finding : judge_drive(drive.health, drive.role))
			out.push_back(std::move(finding));
		if (drive.recovery)
			out.push_back(*drive.recovery);
	}
	return out;
}

} // namespace dm_remap::tool
