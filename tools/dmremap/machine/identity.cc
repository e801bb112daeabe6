// SPDX-License-Identifier: GPL-2.0
#include "machine/identity.hh"

#include "answer.hh"
#include "sysfs.hh"

#include <blkid/blkid.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <vector>

namespace dm_remap::tool {

namespace {

std::string hex(std::span<const uint8_t> bytes)
{
	std::string out;

	for (const uint8_t byte : bytes)
		out += fmt::format("{:02x}", byte);
	return out;
}

// As sd_get_unique_id(): of the logical unit itself, up to 16 bytes, the first of 16 or the last of less.
std::string designator(std::span<const uint8_t> page, uint8_t type)
{
	std::string found;

	for (size_t at = 4; at + 4 <= page.size();) {
		const size_t length = page[at + 3];
		const bool fits = at + 4 + length <= page.size();

		if (fits && (page[at + 1] & 0x0f) == type && !(page[at + 1] >> 4 & 3) && length <= 16)
			found = hex(page.subspan(at + 4, length));
		if (found.size() == 32)
			break;
		at += 4 + length;
	}
	return found;
}

// "eui.…" and dashes are how sysfs writes it.
std::string nvme_wwid(const std::string &number)
{
	for (const char *file : {"nguid", "eui"}) {
		std::string text = sysfs::attribute(number, file);

		std::erase_if(text, [](char c) { return c == '-' || c == ' '; });
		if (!text.empty() && text.find_first_not_of('0') != text.npos)
			return text;
	}
	return {};
}

std::string partition_uuid(const std::string &number)
{
	std::string uuid;

	if (blkid_probe probe = blkid_new_probe_from_filename(sysfs::node(number).c_str())) {
		const char *value = nullptr;

		blkid_probe_enable_superblocks(probe, 0);
		blkid_probe_enable_partitions(probe, 1);
		blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
		if (!blkid_do_safeprobe(probe) && !blkid_probe_lookup_value(probe, "PART_ENTRY_UUID", &value, nullptr) && value)
			uuid = value;
		blkid_free_probe(probe);
	}
	return lower(std::move(uuid));
}

} // namespace

std::string wwid_of_page(std::span<const uint8_t> page)
{
	constexpr uint8_t naa = 3, eui64 = 2, t10 = 1;

	for (const uint8_t type : {naa, eui64, t10})
		if (const std::string found = designator(page, type); !found.empty())
			return std::string(wwid_prefix) + found;
	return {};
}

std::string disk_identity_of(const std::string &number)
{
	const std::string disk = sysfs::disk(number);
	std::ifstream file(sysfs::file(disk, "device/vpd_pg83"), std::ios::binary);
	const std::vector<char> page(std::istreambuf_iterator<char>(file), {});
	const std::string scsi = wwid_of_page({reinterpret_cast<const uint8_t *>(page.data()), page.size()});

	if (!scsi.empty())
		return scsi;
	const std::string nvme = nvme_wwid(disk);

	return nvme.empty() ? "" : std::string(wwid_prefix) + nvme;
}

std::string identity_of(const std::string &number)
{
	if (!sysfs::is_partition(number))
		return disk_identity_of(number);
	const std::string uuid = partition_uuid(number);

	return uuid.empty() ? "" : std::string(partuuid_prefix) + uuid;
}

} // namespace dm_remap::tool
