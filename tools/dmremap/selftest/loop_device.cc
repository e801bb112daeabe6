// SPDX-License-Identifier: GPL-2.0
#include "selftest/loop_device.hh"

#include "exit_status.hh"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace dm_remap::tool {

namespace {

[[noreturn]] void refuse(const char *id, const std::string &text)
{
	throw Failure(ExitStatus::failed, id, text);
}

Fd nameless_file(const std::string &folder, uint64_t bytes)
{
	Fd fd(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));

	// Filesystems that have no such files.
	if (!fd && (errno == EOPNOTSUPP || errno == EISDIR)) {
		std::string name = folder + "/dmremap-selftest-XXXXXX";

		fd = Fd(mkostemp(name.data(), O_CLOEXEC));
		if (fd)
			unlink(name.c_str());
	}
	if (!fd || ftruncate(fd.get(), static_cast<off_t>(bytes)))
		refuse("no-room", fmt::format("{}: no file of {} bytes can be made there: {}; name another folder with --directory", folder, bytes,
					      std::strerror(errno)));
	return fd;
}

} // namespace

LoopDevice::LoopDevice(const std::string &folder, uint64_t bytes)
{
	attach(nameless_file(folder, bytes));
}

void LoopDevice::attach(const Fd &file)
{
	const Fd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
	loop_config config = {};

	if (!control)
		refuse("no-loop", fmt::format("/dev/loop-control: {}: there are no loop devices here; 'modprobe loop' as root may help",
					      std::strerror(errno)));
	config.fd = static_cast<uint32_t>(file.get());
	config.block_size = 512;
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
	// Somebody else may take the one that was free a moment ago.
	for (;;) {
		const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);

		path_ = fmt::format("/dev/loop{}", number);
		device_ = number < 0 ? Fd() : Fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
		if (!device_)
			refuse("no-loop", fmt::format("no loop device is to be had: {}", std::strerror(errno)));
		if (!ioctl(device_.get(), LOOP_CONFIGURE, &config))
			break;
		if (errno != EBUSY)
			refuse("unfit", fmt::format("{}: {}", path_, std::strerror(errno)));
	}
	// Past the page cache, where the filesystem has that: so what is tested is what the disk keeps.
	ioctl(device_.get(), LOOP_SET_DIRECT_IO, 1);
}

} // namespace dm_remap::tool
