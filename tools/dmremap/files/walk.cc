// SPDX-License-Identifier: GPL-2.0
#include "files/walk.hh"

#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/stat.h>

namespace dm_remap::tool {

namespace {

struct Close {
	void operator()(DIR *folder) const { closedir(folder); }
};
using Folder = std::unique_ptr<DIR, Close>;

class Walk final {
public:
	Walk(const std::function<void(const WalkedName &)> &f, std::vector<std::string> &gaps) : f_(f), gaps_(gaps) {}

	// Subfolders come after the whole folder was read: an error in one of them is not taken for one of this.
	void look_into(int parent, const std::string &name, const std::string &path)
	{
		const int fd = openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
		const Folder folder(fd >= 0 ? fdopendir(fd) : nullptr);
		std::vector<std::string> folders;

		if (!folder) {
			gap(path);
			return;
		}
		for (errno = 0; const dirent *entry = readdir(folder.get()); errno = 0)
			if (std::strcmp(entry->d_name, ".") && std::strcmp(entry->d_name, ".."))
				take(fd, *entry, path, folders);
		if (errno)
			gap(path);
		for (const std::string &sub : folders)
			look_into(fd, sub, path + "/" + sub);
	}

private:
	void take(int fd, const dirent &entry, const std::string &path, std::vector<std::string> &folders)
	{
		const std::string name = entry.d_name, whole = path + "/" + name;
		unsigned char type = entry.d_type;
		struct stat found = {};

		if (type == DT_UNKNOWN && !fstatat(fd, name.c_str(), &found, AT_SYMLINK_NOFOLLOW))
			type = static_cast<unsigned char>(IFTODT(found.st_mode));
		f_({fd, name, whole, entry.d_ino, type});
		if (type == DT_DIR)
			folders.push_back(name);
	}
	void gap(const std::string &path)
	{
		gaps_.push_back(fmt::format("the directory {} cannot be read as a whole: names in it may be missing here ({})",
					    path.empty() ? "/" : path, std::strerror(errno)));
	}

	const std::function<void(const WalkedName &)> &f_;
	std::vector<std::string> &gaps_;
};

} // namespace

void walk(int root, const std::function<void(const WalkedName &)> &f, std::vector<std::string> &gaps)
{
	Walk(f, gaps).look_into(root, ".", "");
}

} // namespace dm_remap::tool
