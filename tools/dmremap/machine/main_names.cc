// SPDX-License-Identifier: GPL-2.0
#include "machine/main_names.hh"

#include "machine/identity.hh"
#include "machine/udev.hh"
#include "os/device.hh"
#include "sysfs.hh"

#include <algorithm>
#include <cctype>
#include <system_error>

namespace dm_remap::tool {

namespace {

constexpr std::string_view tag_links[][2] = {
	{"/dev/disk/by-uuid/", "UUID="},
	{"/dev/disk/by-label/", "LABEL="},
	{"/dev/disk/by-partuuid/", "PARTUUID="},
	{"/dev/disk/by-partlabel/", "PARTLABEL="},
};

// Where no udev has made the link.
std::string as_tag(const std::string &source)
{
	for (const auto &[folder, tag] : tag_links)
		if (source.starts_with(folder))
			return std::string(tag) + source.substr(folder.size());
	return source;
}

bool same_tag(const std::string &a, const std::string &b)
{
	return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void add_tag(MainPart &part, const char *tag, const std::string &value)
{
	if (!value.empty())
		part.tags.push_back(tag + value);
}

MainPart part_of(const std::string &path, const std::string &served)
{
	MainPart part;

	part.number = sysfs::number(path);
	part.served = served;
	part.paths = {path};
	if (part.number.empty())
		return part;
	std::vector<std::string> others = udev::links(part.number);

	others.push_back(sysfs::node(part.number));
	std::erase(others, path);
	part.paths.insert(part.paths.end(), others.begin(), others.end());
	if (sysfs::is_partition(part.number)) {
		const std::string identity = identity_of(part.number);

		if (identity.starts_with(partuuid_prefix))
			add_tag(part, "PARTUUID=", identity.substr(partuuid_prefix.size()));
		add_tag(part, "PARTLABEL=", udev::property(part.number, "ID_PART_ENTRY_NAME"));
	}
	return part;
}

void add_signatures(MainPart &part, const std::string &from, uint64_t start, uint64_t sectors)
{
	part.signatures = signatures_on(from, start, sectors);
	for (const DiskSignature &signature : part.signatures) {
		if (signature.usage.empty())
			continue;
		add_tag(part, "UUID=", signature.uuid);
		add_tag(part, "LABEL=", signature.label);
	}
}

// As kpartx names it.
std::string partition_served(const std::string &device, const std::string &number)
{
	return device + (std::isdigit(static_cast<unsigned char>(device.back())) ? "p" : "") + number;
}

} // namespace

bool MainPart::holds(const std::string &type) const
{
	return std::ranges::any_of(signatures, [&](const DiskSignature &signature) { return signature.type == type; });
}

MainNames::MainNames(const std::string &main, const std::string &device, const std::string &from)
{
	parts_.push_back(part_of(main, device));
	try {
		add_signatures(parts_.front(), from, 0, dmr_device(from, os::Access::read).sectors());
		if (parts_.front().number.empty())
			return;
		for (const sysfs::Partition &partition : sysfs::partitions(parts_.front().number)) {
			MainPart part = part_of(sysfs::node(partition.number),
						partition_served(device, sysfs::attribute(partition.number, "partition")));

			add_signatures(part, from, partition.start, partition.sectors);
			parts_.push_back(std::move(part));
		}
	} catch (const std::system_error &error) {
		unread_ = error.what();
	}
}

void MainNames::forget_content()
{
	for (MainPart &part : parts_) {
		part.signatures.clear();
		std::erase_if(part.tags, [](const std::string &tag) { return tag.starts_with("UUID=") || tag.starts_with("LABEL="); });
	}
}

const MainPart *MainNames::meant_by(std::string source) const
{
	std::erase(source, '"');
	source = as_tag(source);
	const std::string number = source.starts_with("/") ? sysfs::number(source) : std::string();

	for (const MainPart &part : parts_) {
		if (source.starts_with("/") && (std::ranges::find(part.paths, source) != part.paths.end() ||
						(!number.empty() && number == part.number)))
			return &part;
		if (std::ranges::any_of(part.tags, [&](const std::string &tag) { return same_tag(tag, source); }))
			return &part;
	}
	return nullptr;
}

const MainPart *MainNames::with_uuid(const std::string &uuid) const
{
	return meant_by("UUID=" + uuid);
}

} // namespace dm_remap::tool
