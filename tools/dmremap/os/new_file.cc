// SPDX-License-Identifier: GPL-2.0
#include "os/new_file.hh"

#include "os/fd.hh"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void failed(int error, const std::string &path)
{
	throw std::system_error(error, std::generic_category(), path);
}

// Also of a link to what is not there yet.
fs::path behind_links(fs::path path)
{
	constexpr int most_links = 40; // as the kernel
	std::error_code error;

	for (int i = 0; i < most_links && fs::is_symlink(path, error); i++)
		path = path.parent_path() / fs::read_symlink(path, error);
	return path;
}

} // namespace

NewFile::NewFile(const std::string &path, mode_t mode)
{
	path_ = behind_links(path);
	made_ = path_ + ".XXXXXX";
	struct stat old = {};
	const bool there = !stat(path_.c_str(), &old);

	if (there && !S_ISREG(old.st_mode))
		failed(EINVAL, path + ": it is no regular file");
	const int fd = mkostemp(made_.data(), O_CLOEXEC);
	const mode_t mask = umask(0);

	umask(mask);
	if (fd < 0)
		failed(errno, path);
	if (fchmod(fd, there ? old.st_mode & 07777 : mode & ~mask) || !(file_ = fdopen(fd, "w"))) {
		const int error = errno;

		::close(fd);
		unlink(made_.c_str());
		failed(error, path);
	}
}

NewFile::~NewFile()
{
	if (!file_)
		return;
	std::fclose(file_);
	unlink(made_.c_str());
}

void NewFile::keep(Durable durable)
{
	const bool written = !std::fflush(file_) && !std::ferror(file_) && (durable == Durable::no || !fsync(fileno(file_)));

	if (!written || rename(made_.c_str(), path_.c_str()))
		failed(errno ? errno : EIO, path_);
	std::fclose(std::exchange(file_, nullptr));
	if (durable == Durable::no)
		return;
	const std::string folder = fs::absolute(path_).parent_path();
	const Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!fd || fsync(fd.get()))
		failed(errno, folder);
}

void write_file(const std::string &path, mode_t mode, const std::string &text)
{
	NewFile file(path, mode);

	std::fwrite(text.data(), 1, text.size(), file.file());
	file.keep();
}

} // namespace dm_remap::tool
