// SPDX-License-Identifier: GPL-2.0
#include "boot/main_sight.hh"

#include "answer.hh"
#include "boot/run_dir.hh"
#include "machine/identity.hh"
#include "machine/mounts.hh"
#include "machine/udev.hh"
#include "running.hh"
#include "setup_text.hh"
#include "sysfs.hh"

#include "reassembly/main_check.hh"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

namespace dm_remap::tool {

namespace {

using reassembly::MainMatch;
using run_dir::Note;

std::string property(const std::string &number, Seen seen, const char *name)
{
	const char *value = seen == Seen::now ? std::getenv(name) : nullptr;

	// Of an earlier event, where this one has not come as far yet.
	return value ? value : udev::property(number, name);
}

// Newer kernels tell it in sysfs.
std::string kernel_partuuid(const std::string &number)
{
	std::ifstream lines(sysfs::file(number, "uevent"));

	for (std::string line; std::getline(lines, line);)
		if (line.starts_with("PARTUUID="))
			return lower(line.substr(line.find('=') + 1));
	return {};
}

// The names that its rules will give it, where nothing but sysfs is needed for that.
void add_names_to_come(const std::string &number, Seen seen, DeviceSight &out)
{
	const std::string disk = sysfs::disk(number), part = out.partition ? "-part" + sysfs::attribute(number, "partition") : "";
	const std::string path = property(number, seen, "ID_PATH"), serial = sysfs::attribute(disk, "serial"), wwid = sysfs::attribute(disk, "wwid");
	const std::string name = sysfs::attribute(number, "dm/name"), uuid = sysfs::attribute(number, "dm/uuid");
	const auto add = [&](const char *folder, const std::string &what) {
		if (!what.empty())
			out.names.push_back(folder + what + part);
	};

	add("/dev/disk/by-path/", path);
	add("/dev/disk/by-id/nvme-", wwid);
	add("/dev/disk/by-id/virtio-", serial);
	if (name.empty() || out.partition)
		return;
	add("/dev/mapper/", name);
	add("/dev/disk/by-id/dm-name-", name);
	if (!uuid.empty())
		add("/dev/disk/by-id/dm-uuid-", uuid);
}

bool has(const std::vector<std::string> &all, const std::string &one)
{
	return std::ranges::find(all, one) != all.end();
}

KnownMain configured_main(const ConfiguredSet &set)
{
	KnownMain out = {set.uuid, set.name, set.main, {}, set.first, set.automatic};

	copy_text(out.identity.identity, set.identity);
	copy_text(out.identity.disk, set.disk);
	copy_text(out.identity.id, set.main_id.value_or(""));
	return out;
}

void add_users(const std::string &number, const std::string &set_device, bool &by_set, bool &by_other)
{
	by_other |= !mounts_of(number).empty() || used_as_swap(number);
	for (const std::string &holder : sysfs::holders(number))
		(sysfs::attribute(holder, "dm/uuid") == set_device ? by_set : by_other) = true;
}

} // namespace

std::vector<KnownMain> known_mains(const SetsConfig &config, Released released)
{
	std::vector<KnownMain> out;

	for (const ConfiguredSet &set : config.sets())
		out.push_back(configured_main(set));
	// What the spares say now may be newer than the file, which may be that of an initramfs made long ago.
	for (const std::string &set : run_dir::sets(Note::set)) {
		KnownMain seen = parse_set_note(set, run_dir::read(Note::set, set).value_or(""));

		if (const ConfiguredSet *configured = config.find(set)) {
			seen.name = configured->name;
			seen.automatic = configured->automatic;
		}
		out.push_back(std::move(seen));
	}
	if (released == Released::left_out)
		std::erase_if(out, [](const KnownMain &main) { return run_dir::read(Note::released, main.set).has_value(); });
	return out;
}

std::string set_note(const dmr_setup &setup)
{
	return fmt::format("NAME={}\nIDENTITY={}\nDISK={}\nMAIN_ID={}\n", shown(setup.name), shown(setup.main.identity),
			   shown(setup.main.disk), shown(setup.main.id));
}

KnownMain parse_set_note(const std::string &set, const std::string &text)
{
	KnownMain out = {set, {}, {}, {}, {}, false};
	std::istringstream lines(text);

	for (std::string line; std::getline(lines, line);) {
		const size_t is = line.find('=');
		const std::string key = line.substr(0, is), value = is == line.npos ? "" : line.substr(is + 1);

		if (key == "NAME")
			out.name = value;
		else if (key == "IDENTITY")
			copy_text(out.identity.identity, value);
		else if (key == "DISK")
			copy_text(out.identity.disk, value);
		else if (key == "MAIN_ID")
			copy_text(out.identity.id, value);
	}
	return out;
}

DeviceSight look_at(const std::string &number, Seen seen)
{
	const std::string disk = sysfs::disk(number);
	DeviceSight out = {number, sysfs::is_partition(number), {}, disk_identity_of(number), {}, {}, {}};

	if (out.partition) {
		out.place = std::string(place_prefix) + sysfs::attribute(number, "start");
		out.partuuid = kernel_partuuid(number);
		if (out.partuuid.empty())
			out.partuuid = lower(property(number, seen, "ID_PART_ENTRY_UUID"));
	}
	for (const std::string &id : {property(number, seen, "ID_WWN"), property(number, seen, "ID_SERIAL"), sysfs::attribute(disk, "serial"),
				      sysfs::attribute(disk, "wwid")})
		if (!id.empty() && !has(out.ids, id))
			out.ids.push_back(id);
	out.names = udev::links(number);
	add_names_to_come(number, seen, out);
	return out;
}

bool is_main(const KnownMain &main, const DeviceSight &device)
{
	dmr_main_identity now = {}, known = main.identity;
	const auto fits = [&](MainMatch match) { return reassembly::match_mains(known, now, device.place.c_str()) == match; };

	copy_text(now.identity, !device.partition ? device.disk : device.partuuid.empty() ? device.place : std::string(partuuid_prefix) + device.partuuid);
	copy_text(now.disk, device.disk);
	copy_text(now.id, has(device.ids, known.id) ? std::string(known.id) : device.ids.empty() ? "" : device.ids.front());
	if (fits(MainMatch::same))
		return true;
	// The PARTUUID is on the disk; where the partition begins on that disk is known without it.
	if (device.partition && device.partuuid.empty() && main.first && std::string_view(known.identity).starts_with(partuuid_prefix)) {
		copy_text(known.identity, fmt::format("{}{}", place_prefix, *main.first));
		if (fits(MainMatch::same))
			return true;
		known = main.identity;
	}
	// A name that stays says it, unless something says that it is another. The table may call the disk by whatever name.
	copy_text(now.id, known.id);
	return !main.path.empty() && has(device.names, main.path) && (fits(MainMatch::same) || fits(MainMatch::unsure));
}

const KnownMain *find_known(const std::vector<KnownMain> &mains, const std::string &number, Seen seen, std::string &main_number)
{
	const DeviceSight device = look_at(number, seen);

	main_number = number;
	for (const KnownMain &main : mains)
		if (is_main(main, device))
			return &main;
	if (!device.partition)
		return nullptr;
	main_number = sysfs::disk(number);
	const DeviceSight disk = look_at(main_number, Seen::before);

	for (const KnownMain &main : mains)
		if (is_main(main, disk))
			return &main;
	return nullptr;
}

bool is_main_of(const std::vector<KnownMain> &mains, const std::string &set, const std::string &number)
{
	if (udev::property(number, "DM_MULTIPATH_DEVICE_PATH") == "1")
		return false;
	const DeviceSight device = look_at(number, Seen::before);

	return std::ranges::any_of(mains, [&](const KnownMain &main) { return main.set == set && is_main(main, device); });
}

std::string find_device(const std::vector<KnownMain> &mains, const std::string &set)
{
	for (const std::string &number : sysfs::all())
		if (is_main_of(mains, set, number))
			return number;
	return {};
}

bool set_runs(const std::string &set)
{
	return std::ranges::any_of(sysfs::all(), [&](const std::string &number) { return sysfs::attribute(number, "dm/uuid") == dm_uuid_of(set); });
}

void trigger_main(const std::string &number)
{
	sysfs::trigger(number);
	for (const sysfs::Partition &partition : sysfs::partitions(number))
		sysfs::trigger(partition.number);
}

MainUse use_of_main(const std::string &number, const std::string &set)
{
	bool by_set = false, by_other = false;

	add_users(number, dm_uuid_of(set), by_set, by_other);
	for (const sysfs::Partition &partition : sysfs::partitions(number))
		add_users(partition.number, dm_uuid_of(set), by_set, by_other);
	return by_other ? MainUse::other : by_set ? MainUse::set : MainUse::idle;
}

const char *use_text(MainUse use)
{
	return use == MainUse::idle ? "idle" : use == MainUse::set ? "set" : "other";
}

} // namespace dm_remap::tool
