// SPDX-License-Identifier: GPL-2.0
// An ext4 in an image, checked by e2fsprogs.
#ifndef DMR_CRASH_EXT4_HH
#define DMR_CRASH_EXT4_HH

#include "files.hh"
#include "state.hh"

namespace dm_remap::crash {

// A file in memory that the tools are let loose on.
class Ext4Checker final {
public:
	// directory: on a tmpfs, or it takes long.
	Ext4Checker(const std::string &directory, uint64_t bytes);
	~Ext4Checker();
	Ext4Checker(const Ext4Checker &) = delete;
	Ext4Checker &operator=(const Ext4Checker &) = delete;

	// Replay its log, check it, read the files: "" or what is wrong. chunks: what was ever written of it.
	std::string check(const Image &device, const std::vector<uint64_t> &chunks, const Expectation &expectation);

private:
	void write_image(const Image &device, const std::vector<uint64_t> &chunks);
	std::string check_structure();
	std::string check_files(const Expectation &expectation);

	const std::string image_, dump_;
	const uint64_t bytes_;
	int fd_;
};

} // namespace dm_remap::crash

#endif
