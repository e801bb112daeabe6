// SPDX-License-Identifier: GPL-2.0
#include "machine/find_main.hh"

#include "machine/identity.hh"
#include "machine/udev.hh"
#include "seen_guard.hh"
#include "setup_text.hh"
#include "sysfs.hh"

#include "reassembly/main_check.hh"

#include <algorithm>
#include <dm_remap/units.hh>

namespace dm_remap::tool {

namespace {

using reassembly::MainMatch;

// The kernel's own names go to whichever disk comes next.
bool name_stays(const std::string &path)
{
	return path != sysfs::node(sysfs::number(path)) || path.starts_with("/dev/mapper/");
}

// Where the set knows nothing of its main but the size, the guard blocks on it know more. They do not where it knows more: a raw copy of main has
// them, too. As little is read of others as can be.
MainMatch match(const dmr_setup &setup, const MainNow &now)
{
	const MainMatch found = reassembly::match_mains(setup.main, now.identity, now.place.c_str());

	// A read of one that is suspended would wait.
	const bool nothing_known = !setup.main.identity[0] && !setup.main.disk[0] && !setup.main.id[0];

	if (found != MainMatch::unsure || !(setup.features & DMR_FEATURE_GUARD) || !nothing_known || now.identity.sectors != setup.main.sectors ||
	    sysfs::attribute(sysfs::number(now.path), "dm/suspended") == "1")
		return found;
	dmr_device device(now.path, os::Access::read);
	const std::optional<SeenGuard> guard = SeenGuard::look(device);

	return guard && guard->is_of(setup) ? MainMatch::same : found;
}

[[noreturn]] void not_there(const dmr_setup &setup, const std::string &why)
{
	const std::string known = main_text(setup.main);

	throw Failure(ExitStatus::not_found, "no-main",
		      fmt::format("main of set {}{}{}, {} sectors, is not found: {}", uuid_text(setup.set_uuid), known.empty() ? "" : ", ", known,
				  setup.main.sectors, why));
}

// Among all devices there are. None of them is believed to be what the file says of main: they are asked themselves. What a partition is told by is not
// what tells a disk.
std::vector<MainNow> search(const Machine &machine, const dmr_setup &setup)
{
	const std::string_view identity = setup.main.identity;
	const bool partition = identity.starts_with(partuuid_prefix) || identity.starts_with(place_prefix);
	std::vector<MainNow> found;

	for (const std::string &number : sysfs::all()) {
		const bool served = std::any_of(machine.running().begin(), machine.running().end(),
						[&](const Running &device) { return device.device().number() == number; });

		if (served || (setup.main.identity[0] && sysfs::is_partition(number) != partition))
			continue;
		try {
			MainNow now = describe_main(sysfs::node(number));

			if (match(setup, now) == MainMatch::same)
				found.push_back(std::move(now));
		} catch (const std::exception &) {
			// Of one that cannot even be opened, or that could not be a main, nothing says that it is this one.
		}
	}
	return found;
}

// What the file calls main, if it is. Else why not. What it says of the disk is believed of a name that stays; of others the disk is asked.
std::optional<MainNow> as_configured(const dmr_setup &setup, const std::string &path, const std::optional<std::string> &main_id, std::string &why)
{
	try {
		const bool stays = name_stays(path);
		MainNow now = describe_main(path, stays ? main_id : std::nullopt);
		const MainMatch found = match(setup, now);

		if (found == MainMatch::same || (found == MainMatch::unsure && stays))
			return now;
		why = found == MainMatch::unsure
			      ? fmt::format("nothing tells {} from other disks, and another one may have this name today; name it with --main", path)
			      : fmt::format("{} is {}, and {}", path, main_text(now.identity), why);
	} catch (const std::system_error &error) {
		why = fmt::format("{}, and {}", error.what(), why);
	}
	return {};
}

} // namespace

MainNow describe_main(const std::string &path, const std::optional<std::string> &main_id)
{
	if (main_id && !udev::fits_a_table(*main_id))
		throw Failure(ExitStatus::failed, "refused",
			      fmt::format("main_id '{}': it has to be one word of at most 95 characters, without blanks", shown(*main_id)));
	const dmr_device device(path, os::Access::read);
	dmr_device_info info;

	if (!device.block_device())
		throw Failure(ExitStatus::failed, "not-a-device",
			      fmt::format("{}: main has to be a block device; give the file one with 'losetup --find --show'", path));
	device.describe(info);
	if (!BlockSize::supported(info.logical_block_bytes))
		throw Failure(ExitStatus::failed, "refused", fmt::format("{}: its blocks are of {} bytes; 512 and 4096 are supported", path,
									 info.logical_block_bytes));
	const BlockSize block(info.logical_block_bytes);
	const std::string number = sysfs::number(path);
	MainNow now = {path, {}, {}};
	std::string identity = identity_of(number);

	if (sysfs::is_partition(number))
		now.place = std::string(place_prefix) + sysfs::attribute(number, "start");

	now.identity.block_bytes = info.logical_block_bytes;
	now.identity.sectors = block.to_sectors(block.to_blocks(Sectors(info.sectors))).value;
	// Until its PARTUUID is known, where it begins.
	copy_text(now.identity.identity, identity.empty() ? now.place : identity);
	copy_text(now.identity.disk, disk_identity_of(number));
	copy_text(now.identity.id, main_id ? *main_id : now.identity.disk[0] ? std::string() : udev::disk_id(sysfs::disk(number)));
	return now;
}

MainNow find_main(const Machine &machine, const dmr_setup &setup, const std::string &given, const ConfiguredSet *configured,
		  const std::optional<std::string> &main_id)
{
	if (!given.empty())
		return describe_main(given, main_id);
	std::string why = "no disk or partition says that it is this one; name it with --main";

	if (configured && sysfs::number(configured->main).empty())
		why = fmt::format("{} is not there, and {}", configured->main, why);
	else if (configured) {
		std::optional<MainNow> now = as_configured(setup, configured->main, main_id, why);

		if (now)
			return describe_main(now->path, main_id);
	}
	std::vector<MainNow> found = search(machine, setup);

	if (found.size() == 1) {
		MainNow now = describe_main(found.front().path, main_id);

		now.path = udev::lasting_path(now.path);
		return now;
	}
	for (size_t i = 0; i < found.size(); i++)
		why = i ? why + ", " + found[i].path : "several are this one; name it with --main: " + found[0].path;
	not_there(setup, why);
}

} // namespace dm_remap::tool
