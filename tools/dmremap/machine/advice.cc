// SPDX-License-Identifier: GPL-2.0
#include "machine/advice.hh"

#include "machine/signature.hh"
#include "machine/udev.hh"
#include "os/device.hh"
#include "sysfs.hh"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <libmount/libmount.h>
#include <memory>
#include <sstream>
#include <system_error>

namespace dm_remap::tool {

namespace {

// By what a line in /etc may call a device.
class Names final {
public:
	Names(const std::string &path, const std::vector<DiskSignature> &signatures) : number_(sysfs::number(path)), path_(path)
	{
		for (const DiskSignature &signature : signatures) {
			tags_.push_back("UUID=" + signature.uuid);
			tags_.push_back("LABEL=" + signature.label);
		}
		for (const auto &[tag, name] : {std::pair("PARTUUID=", "ID_PART_ENTRY_UUID"), std::pair("PARTLABEL=", "ID_PART_ENTRY_NAME")})
			tags_.push_back(tag + udev::property(number_, name));
	}

	bool means(std::string source) const
	{
		std::erase(source, '"');
		if (source.starts_with("/"))
			return source == path_ || (!number_.empty() && sysfs::number(source) == number_);
		return !source.ends_with("=") && std::find(tags_.begin(), tags_.end(), source) != tags_.end();
	}

private:
	std::string number_, path_;
	std::vector<std::string> tags_;
};

void look_at_fstab(const Names &names, const std::string &device, std::vector<Advice> &out)
{
	struct Unref {
		void operator()(libmnt_table *table) const { mnt_unref_table(table); }
		void operator()(libmnt_iter *iterator) const { mnt_free_iter(iterator); }
	};
	const std::unique_ptr<libmnt_table, Unref> table(mnt_new_table());
	const std::unique_ptr<libmnt_iter, Unref> at(mnt_new_iter(MNT_ITER_FORWARD));

	if (!table || !at || mnt_table_parse_fstab(table.get(), nullptr))
		return;
	for (libmnt_fs *fs; !mnt_table_next_fs(table.get(), at.get(), &fs);) {
		const char *source = mnt_fs_get_source(fs), *target = mnt_fs_get_target(fs);

		if (source && names.means(source))
			out.push_back({"fstab", fmt::format("in /etc/fstab, write {} in the place of {} (for {}), and the option noauto unless it is there "
							    "before filesystems are mounted",
							    device, source, target ? target : "none")});
	}
}

void look_at_crypttab(const Names &names, const std::string &device, std::vector<Advice> &out)
{
	std::ifstream file("/etc/crypttab");

	for (std::string line; std::getline(file, line);) {
		std::istringstream words(line);
		std::string name, source;

		if (words >> name >> source && !name.starts_with("#") && names.means(source))
			out.push_back({"crypttab", fmt::format("in /etc/crypttab, write {} in the place of {} (for {})", device, source, name)});
	}
}

// Through the device, which spares a dying main. What cannot be looked at gives no advice.
std::vector<DiskSignature> signatures_of(const std::string &device)
{
	try {
		return signatures_on(device, 0, dmr_device(device, os::Access::read).sectors());
	} catch (const std::system_error &) {
		return {};
	}
}

} // namespace

std::vector<Advice> advice_for(const std::string &main, const std::string &device)
{
	std::vector<Advice> out;
	const std::vector<DiskSignature> signatures = signatures_of(device);
	const Names names(main, signatures);

	look_at_fstab(names, device, out);
	look_at_crypttab(names, device, out);
	for (const DiskSignature &signature : signatures) {
		if (signature.type == "LVM2_member")
			out.push_back({"lvm", fmt::format("in /etc/lvm/lvm.conf, let LVM not look at main: devices {{ global_filter = [ \"r|^{}$|\" ] }}, "
							  "with each name that main has in /dev",
							  main)});
		if (signature.type == "linux_raid_member")
			out.push_back({"md", fmt::format("in /etc/mdadm/mdadm.conf, a line DEVICE that leaves out {}, or mdadm may take main itself", main)});
	}
	return out;
}

} // namespace dm_remap::tool
