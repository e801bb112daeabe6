// SPDX-License-Identifier: GPL-2.0
// Who reads statistics, and has their module come and go.
#include "actors.hh"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <vector>

namespace dm_remap::stress {

namespace {

// How many files it has read.
uint32_t read_folder(const std::string &path)
{
	uint32_t files = 0;
	DIR *folder = opendir(path.c_str());

	while (const dirent *entry = folder ? readdir(folder) : nullptr) {
		const std::string below = path + "/" + entry->d_name;

		if (entry->d_name[0] == '.')
			continue;
		if (entry->d_type == DT_DIR) {
			files += read_folder(below);
			continue;
		}
		char text[4096];
		const int fd = open(below.c_str(), O_RDONLY | O_CLOEXEC);

		// Its device may have gone meanwhile.
		if (fd >= 0 && read(fd, text, sizeof(text)) > 0)
			files++;
		close(fd);
	}
	if (folder)
		closedir(folder);
	return files;
}

std::vector<char> read_module()
{
	utsname name;
	std::vector<char> image(16 << 20);

	uname(&name);
	const std::string path = std::string("/lib/modules/") + name.release + "/extra/dm-remap-stats.ko";
	const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
	size_t size = 0;

	for (ssize_t got; (got = read(fd, image.data() + size, image.size() - size)) > 0;)
		size += size_t(got);
	close(fd);
	image.resize(size);
	return image;
}

} // namespace

void read_sysfs(Watch &watch)
{
	const Busy busy("reading sysfs");

	watch.count(Side::strict, Kind::sysfs, read_folder("/sys/kernel/dm_remap") ? Watch::done : Watch::refused);
}

void reload_stats(Watch &watch, const Action &action)
{
	static const std::vector<char> image = read_module();

	{
		const Busy busy("unloading statistics");

		// A device is just using it.
		if (syscall(SYS_delete_module, "dm_remap_stats", O_NONBLOCK)) {
			watch.count(Side::strict, action.kind, Watch::refused);
			if (errno != EAGAIN && errno != EBUSY)
				watch.found(std::string("dm-remap-stats cannot be unloaded: ") + std::strerror(errno));
			return;
		}
	}
	watch.pause(action.hold_ms);
	const Busy busy("loading statistics");

	if (syscall(SYS_init_module, image.data(), image.size(), ""))
		watch.found(std::string("dm-remap-stats cannot be loaded: ") + std::strerror(errno));
	watch.count(Side::strict, action.kind, Watch::done);
}

} // namespace dm_remap::stress
