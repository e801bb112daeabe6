// SPDX-License-Identifier: GPL-2.0
// A block device that is read or written as it is: past the page cache, nothing read ahead. Sectors are of 512 bytes.
#ifndef DMREMAP_MACHINE_RAW_DISK_HH
#define DMREMAP_MACHINE_RAW_DISK_HH

#include "os/fd.hh"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace dm_remap::tool {

class RawDisk final {
public:
	enum class Use : uint8_t {
		read,
		read_alone,	// nobody can mount it meanwhile, or build upon it
		write,
	};

	// Throws std::system_error; of what is used by somebody, with read_alone, EBUSY.
	RawDisk(std::string path, Use use);

	const std::string &path() const { return path_; }
	uint64_t sectors() const { return sectors_; }
	uint32_t block_sectors() const { return block_sectors_; } // of its logical block

	// False: it did not give, or take, all of it.
	bool read(uint64_t sector, uint8_t *data, uint64_t sectors) const;
	bool write(uint64_t sector, const uint8_t *data, uint64_t sectors) const;
	// What was written is durable. False: it may not be.
	bool flush() const;

private:
	std::string path_;
	Fd fd_;
	uint64_t sectors_ = 0;
	uint32_t block_sectors_ = 1;
};

// Memory for it.
class DiskBuffer final {
public:
	explicit DiskBuffer(uint64_t sectors);

	uint8_t *data() const { return data_.get(); }

private:
	struct Free {
		void operator()(uint8_t *data) const;
	};
	std::unique_ptr<uint8_t, Free> data_;
};

} // namespace dm_remap::tool

#endif
