// SPDX-License-Identifier: GPL-2.0
#include "machine/new_disk.hh"

#include "machine/identity.hh"
#include "machine/raw_disk.hh"
#include "machine/signature.hh"
#include "machine/udev.hh"
#include "machine/users.hh"
#include "seen_guard.hh"
#include "set_reader.hh"
#include "sysfs.hh"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace dm_remap::tool {

namespace {

bool share_a_disk(const std::string &number, const std::string &other)
{
	const std::vector<std::string> one = sysfs::disks_below(number), two = sysfs::disks_below(other);

	return std::find_first_of(one.begin(), one.end(), two.begin(), two.end()) != one.end();
}

void refuse_members(const NewDisk &disk, const Running &device, Answer &answer)
{
	const std::string main = device.main_number();

	if (disk.number == device.device().number())
		throw Failure(ExitStatus::would_lose, "same-device", fmt::format("{}: it is the device itself", disk.path));
	if (disk.number == main || share_a_disk(disk.number, main))
		throw Failure(ExitStatus::would_lose, "same-device",
			      fmt::format("{} is main, {}, or on its disk, which is to be replaced: name a device on another disk", disk.path,
					  sysfs::node(main)));
	for (const RunningSpare &spare : device.spares()) {
		if (disk.number == spare.number)
			throw Failure(ExitStatus::would_lose, "same-device",
				      fmt::format("{} has a spare of this set, on which data lives: name another device", disk.path));
		if (share_a_disk(disk.number, spare.number))
			answer.warn("same-disk", fmt::format("{} is on the disk of a spare, {}: every write goes there twice while it is copied", disk.path,
							     sysfs::node(spare.number)));
	}
}

// Nothing of ours, of another set, goes without a word: libblkid does not know it.
void refuse_spares(const NewDisk &disk)
{
	const Member member = open_member(MemberName{disk.path, disk.path, {}, {}});

	if (member.unreadable.empty() && member.probe.verdict != DMR_PROBE_BLANK && member.probe.verdict != DMR_PROBE_FOREIGN)
		throw Failure(ExitStatus::would_lose, "not-blank",
			      fmt::format("{}: {}; name another disk; to use it all the same, see 'using the spare again' in docs/administration.md",
					  disk.path, what_is_on(member)));
	if (const std::optional<SeenGuard> guard = SeenGuard::look(*member.device))
		throw Failure(ExitStatus::would_lose, "not-blank", fmt::format("{}: {}; name another disk", disk.path, guard->text()));
}

} // namespace

NewDisk look_at_new_disk(const std::string &path, const Running &device, Answer &answer)
{
	std::error_code error;
	NewDisk disk = {path, sysfs::number(path), {}, 0, {}};

	if (!std::filesystem::exists(path, error))
		throw std::system_error(ENOENT, std::generic_category(), path);
	if (disk.number.empty())
		throw Failure(ExitStatus::failed, "not-a-device",
			      fmt::format("{0}: the new disk has to be a block device; 'losetup --find --show {0}' gives a file one", path));
	refuse_members(disk, device, answer);
	if (const std::vector<User> users = users_of(disk.number); !users.empty())
		throw Failure(ExitStatus::busy, "busy", sentence(users));
	if (in_use(path))
		throw Failure(ExitStatus::busy, "busy", fmt::format("{0} is in use: 'lsof {0}' may tell by whom", path));
	refuse_spares(disk);

	const RawDisk opened(path, RawDisk::Use::write);
	const uint64_t needed = device.sectors();
	const uint32_t block = RawDisk(device.device().path, RawDisk::Use::read).block_sectors();

	disk.sectors = opened.sectors();
	if (disk.sectors < needed)
		throw Failure(ExitStatus::failed, "too-small",
			      fmt::format("{} has {} sectors, {} has {}: {} more are needed", path, disk.sectors, device.name(), needed, needed - disk.sectors));
	if (opened.block_sectors() > block)
		throw Failure(ExitStatus::failed, "refused",
			      fmt::format("{} has blocks of {} bytes, {} of {}: what uses the device could not use it: name a disk with smaller blocks", path,
					  opened.block_sectors() * DMR_SECTOR_SIZE, device.name(), block * DMR_SECTOR_SIZE));
	disk.identity = identity_of(disk.number);
	if (disk.identity.empty())
		disk.identity = udev::disk_id(disk.number);
	for (const DiskSignature &signature : signatures_on(path, 0, disk.sectors))
		disk.content += (disk.content.empty() ? "" : ", ") + signature.text();
	return disk;
}

} // namespace dm_remap::tool
