// SPDX-License-Identifier: GPL-2.0
#include "machine/udev.hh"

#include "sysfs.hh"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <libudev.h>
#include <poll.h>
#include <sys/sysmacros.h>
#include <system_error>

namespace dm_remap::tool::udev {

namespace {

struct Unref {
	void operator()(::udev *udev) const { udev_unref(udev); }
	void operator()(udev_device *device) const { udev_device_unref(device); }
};
using Context = std::unique_ptr<::udev, Unref>;
using Device = std::unique_ptr<udev_device, Unref>;

Device device_of(const Context &context, const std::string &number)
{
	unsigned int major, minor;

	if (!context || std::sscanf(number.c_str(), "%u:%u", &major, &minor) != 2)
		return nullptr;
	return Device(udev_device_new_from_devnum(context.get(), 'b', makedev(major, minor)));
}

constexpr int receive_buffer = 4 << 20;

// Smaller is better. The names that say what a disk is before those that are mere numbers.
int rank(const std::string &link)
{
	const auto begins = [&](const char *with) { return link.starts_with(with); };

	if (begins("/dev/disk/by-id/wwn-") || begins("/dev/disk/by-id/nvme-eui.") || begins("/dev/disk/by-id/nvme-nvme."))
		return 2;
	return begins("/dev/disk/by-id/") ? 1 : begins("/dev/disk/by-partuuid/") ? 3 : begins("/dev/disk/by-path/") ? 4 : 5;
}

} // namespace

bool fits_a_table(const std::string &text)
{
	return !text.empty() && text.size() < 96 && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
}

std::string property(const std::string &number, const char *name)
{
	const Context context(udev_new());
	const Device device = device_of(context, number);
	const char *value = device ? udev_device_get_property_value(device.get(), name) : nullptr;

	return value ? value : "";
}

std::vector<std::string> links(const std::string &number)
{
	const Context context(udev_new());
	const Device device = device_of(context, number);
	std::vector<std::string> out;

	if (!device)
		return out;
	for (udev_list_entry *at = udev_device_get_devlinks_list_entry(device.get()); at; at = udev_list_entry_get_next(at))
		out.emplace_back(udev_list_entry_get_name(at));
	std::sort(out.begin(), out.end());
	return out;
}

std::string lasting_path(const std::string &path)
{
	const std::string number = sysfs::number(path), mapped = "/dev/mapper/" + sysfs::attribute(number, "dm/name");
	std::error_code error;

	if (path.starts_with("/dev/dm-") && sysfs::number(mapped) == number)
		return mapped;
	if (number.empty() || std::filesystem::is_symlink(path, error) || path != sysfs::node(number))
		return std::filesystem::absolute(path, error);
	const std::vector<std::string> known = links(number);
	const auto best = std::min_element(known.begin(), known.end(), [](const std::string &a, const std::string &b) { return rank(a) < rank(b); });

	return best == known.end() || rank(*best) == 5 ? path : *best;
}

std::string disk_id(const std::string &number)
{
	for (const char *name : {"ID_WWN", "ID_SERIAL"})
		if (const std::string text = property(number, name); fits_a_table(text))
			return text;
	return {};
}

bool hides_mains(const Tree &tree)
{
	const std::string name = "/59-dm-remap-main.rules";

	for (const char *folder : {"/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"})
		// One that is empty, or a link to /dev/null, stands for none.
		if (tree.has(folder + name))
			return !tree.text(folder + name).value_or("").empty();
	return false;
}

Monitor::Monitor() : udev_(udev_new()), monitor_(nullptr)
{
	std::error_code error;
	// Without udevd nobody sends what it would: then the kernel's own news.
	const char *whose = std::filesystem::exists("/run/udev/control", error) ? "udev" : "kernel";

	if (udev_)
		monitor_ = udev_monitor_new_from_netlink(udev_, whose);
	if (!monitor_ || udev_monitor_filter_add_match_subsystem_devtype(monitor_, "block", nullptr) < 0 ||
	    udev_monitor_enable_receiving(monitor_) < 0) {
		const int code = errno;

		udev_monitor_unref(monitor_);
		udev_unref(udev_);
		throw std::system_error(code, std::generic_category(), "news of block devices");
	}
	// Memory is taken when it is needed. Who may not have so much has what there is.
	udev_monitor_set_receive_buffer_size(monitor_, receive_buffer);
}

Monitor::~Monitor()
{
	udev_monitor_unref(monitor_);
	udev_unref(udev_);
}

int Monitor::fd() const
{
	return udev_monitor_get_fd(monitor_);
}

bool Monitor::is_readable(int milliseconds) const
{
	pollfd news = {fd(), POLLIN, 0};

	return poll(&news, 1, milliseconds) > 0;
}

bool Monitor::wait(uint64_t milliseconds)
{
	bool any = false;

	if (!is_readable(static_cast<int>(milliseconds)))
		return false;
	while (const Device device = Device(udev_monitor_receive_device(monitor_)))
		any = true;
	return any;
}

bool Monitor::take(const std::function<void(const Event &)> &f)
{
	for (;;) {
		errno = 0;
		const Device device(udev_monitor_receive_device(monitor_));
		const bool lost = !device && errno == ENOBUFS;

		// One that is not for us is nothing, but others may be behind it.
		if (lost || (!device && !is_readable()))
			return !lost;
		const char *event = device ? udev_device_get_property_value(device.get(), "DM_REMAP_EVENT") : nullptr;

		if (!event)
			continue;
		const dev_t number = udev_device_get_devnum(device.get());
		const char *name = udev_device_get_property_value(device.get(), "DM_NAME");

		// The kernel's own news does not say it; nor does sysfs, once the device is gone.
		f({name ? name : sysfs::attribute(fmt::format("{}:{}", major(number), minor(number)), "dm/name"), event});
	}
}

} // namespace dm_remap::tool::udev
