// SPDX-License-Identifier: GPL-2.0
// A file's next content: it is there whole, also after a power cut, or the file is what it was. A symbolic link stays one, and what it
// names is replaced.
#ifndef DMREMAP_OS_NEW_FILE_HH
#define DMREMAP_OS_NEW_FILE_HH

#include <cstdio>
#include <string>
#include <sys/types.h>

namespace dm_remap::tool {

class NewFile final {
public:
	// mode: as for open(2), of a file that was not there; else it stays what it was. Throws std::system_error; with EINVAL if there is something that is no regular file.
	NewFile(const std::string &path, mode_t mode);
	// Nothing has changed, unless it was kept.
	~NewFile();
	NewFile(const NewFile &) = delete;
	NewFile &operator=(const NewFile &) = delete;

	// To be written to. Errors show at keep().
	std::FILE *file() { return file_; }
	// Throws std::system_error. Durable::no: of what is written anew all the time, and costs no wait for a disk; after a power cut it
	// may be gone, or empty.
	enum class Durable : bool { no, yes };
	void keep(Durable durable = Durable::yes);

private:
	std::string path_, made_;
	std::FILE *file_ = nullptr;
};

// This text as the whole file. Throws std::system_error.
void write_file(const std::string &path, mode_t mode, const std::string &text);

} // namespace dm_remap::tool

#endif
