// SPDX-License-Identifier: GPL-2.0
// What is behind a dmr_device in the tool: a block device, or a regular file that is the image of one.
//
// Everything goes past the page cache (O_DIRECT): while device-mapper holds a spare open, a buffered read may give zeroes or an
// older state. A regular file on a filesystem that has no O_DIRECT (tmpfs, some overlays) is read and written through the cache,
// where it is the same for everybody; a block device never is.
#ifndef DMREMAP_OS_DEVICE_HH
#define DMREMAP_OS_DEVICE_HH

#include <dm_remap/kernel_api.h>

#include <aio.h>
#include <array>
#include <memory>
#include <string>

namespace dm_remap::os {

enum class Access : uint8_t {
	read,		// nothing is ever written, and reads may come from what was read ahead
	write,		// as exclusively as the kernel gives it: of a block device that is mounted or held, EBUSY
};

// Large reads on behalf of small ones that go on from each other, and the next one while they are used. A few places at once, as the
// copies of the metadata are compared with each other.
class ReadAhead final {
public:
	static constexpr uint32_t piece_bytes = 512 * 1024;
	static constexpr size_t pieces = 6, remembered = 8;

	ReadAhead() = default;
	~ReadAhead();
	ReadAhead(const ReadAhead &) = delete;
	ReadAhead &operator=(const ReadAhead &) = delete;

	// The bytes at this place; false if they are not to be had that way: read them as they are asked for. So it is as long as reads do
	// not go on from each other: who looks at a few places of a dying disk is not to read more of it.
	bool read(int fd, uint64_t at, uint64_t end, void *out, size_t n);
	void forget();

private:
	struct Piece {
		uint64_t at = 0, bytes = 0, used = 0;	// bytes: 0, it holds nothing
		uint8_t *data = nullptr;
		bool under_way = false;
		int fd = -1;		// one for each, as glibc does the requests of one file descriptor one after the other
		aiocb request = {};
	};
	bool goes_on(uint64_t at, size_t n);
	Piece *find(uint64_t start);
	Piece *begin(int fd, uint64_t start, uint64_t end);
	static bool wait(Piece &piece);

	std::array<Piece, pieces> pieces_;
	std::array<uint64_t, remembered> ends_ = {}; // of the last reads
	uint64_t clock_ = 0;
};

} // namespace dm_remap::os

// The opaque handle of kernel_api.h.
struct dmr_device final {
	// Throws std::system_error; of something that is neither a block device nor a regular file with ENOTBLK.
	dmr_device(std::string path, dm_remap::os::Access access);
	~dmr_device();
	dmr_device(const dmr_device &) = delete;
	dmr_device &operator=(const dmr_device &) = delete;

	// As it was given.
	const std::string &path() const { return path_; }
	bool block_device() const { return block_device_; }
	bool buffered() const { return buffered_; }
	uint64_t sectors() const { return sectors_; }
	// Together they tell devices apart, whatever their paths: dev_t of a block device, and 0; that of a file's filesystem, and its inode.
	uint64_t number() const { return number_; }
	uint64_t inode() const { return inode_; }
	// Something in the kernel is built upon it: what it holds may change at any moment.
	bool held() const;

	void describe(dmr_device_info &out) const;
	dmr_status read(uint64_t sector, void *data, uint32_t sectors);
	dmr_status write(uint64_t sector, const void *data, uint32_t sectors, uint32_t flags);
	dmr_status flush();
	// What was read ahead is read anew.
	void forget() { ahead_.forget(); }

	// The name that the product's own sentences call it by is short; name_paths() puts the path in its place.
	std::string token() const;

private:
	bool inside(uint64_t sector, uint32_t sectors) const { return sector <= sectors_ && sectors <= sectors_ - sector; }
	bool go_buffered();

	std::string path_;
	dm_remap::os::Access access_;
	int fd_ = -1;
	bool block_device_ = false, buffered_ = false, read_only_ = false;
	uint64_t sectors_ = 0, number_ = 0, inode_ = 0;
	uint32_t logical_ = DMR_SECTOR_SIZE, physical_ = DMR_SECTOR_SIZE;
	uint32_t id_;
	dm_remap::os::ReadAhead ahead_;
};

namespace dm_remap::os {

// A sentence of the product's with the paths of the devices that it speaks of.
std::string name_paths(std::string text);

} // namespace dm_remap::os

#endif
