// SPDX-License-Identifier: GPL-2.0
// A folder of its own for a test, with all that it puts there; gone with it.
#ifndef DMR_TESTS_TEMPORARY_FOLDER_HH
#define DMR_TESTS_TEMPORARY_FOLDER_HH

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace dm_remap::tool {

class TemporaryFolder final {
public:
	// In the folder in which the test runs: in /tmp, which may be a tmpfs, not every image could be read with O_DIRECT.
	TemporaryFolder()
	{
		char name[] = "dmremap-test-folder.XXXXXX";

		if (!mkdtemp(name))
			throw std::system_error(errno, std::generic_category(), name);
		path_ = std::filesystem::absolute(name);
	}
	~TemporaryFolder() { std::filesystem::remove_all(path_); }
	TemporaryFolder(const TemporaryFolder &) = delete;
	TemporaryFolder &operator=(const TemporaryFolder &) = delete;

	const std::filesystem::path &path() const { return path_; }

private:
	std::filesystem::path path_;
};

} // namespace dm_remap::tool

#endif
