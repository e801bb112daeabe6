// SPDX-License-Identifier: GPL-2.0
#include "machine/raw_disk.hh"

#include <cerrno>
#include <dm_remap/kernel_api.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <new>
#include <sys/ioctl.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

// All of it, in however many pieces the kernel does it. The end of the device is an error: its size is known.
template <typename Transfer>
bool fully(uint64_t sector, uint64_t sectors, Transfer transfer)
{
	const size_t bytes = sectors * DMR_SECTOR_SIZE;

	for (size_t done = 0; done < bytes;) {
		const ssize_t n = transfer(done, bytes - done, static_cast<off_t>(sector * DMR_SECTOR_SIZE + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += static_cast<size_t>(n);
	}
	return true;
}

} // namespace

RawDisk::RawDisk(std::string path, Use use)
	: path_(std::move(path)),
	  fd_(open(path_.c_str(), (use == Use::write ? O_RDWR : O_RDONLY) | (use == Use::read_alone ? O_EXCL : 0) | O_DIRECT | O_CLOEXEC))
{
	uint64_t bytes = 0;
	int block = 0;

	if (!fd_ || ioctl(fd_.get(), BLKGETSIZE64, &bytes) || ioctl(fd_.get(), BLKSSZGET, &block))
		throw std::system_error(errno, std::generic_category(), path_);
	sectors_ = bytes / DMR_SECTOR_SIZE;
	block_sectors_ = static_cast<uint32_t>(block) / DMR_SECTOR_SIZE;
}

bool RawDisk::read(uint64_t sector, uint8_t *data, uint64_t sectors) const
{
	return fully(sector, sectors, [&](size_t done, size_t n, off_t at) { return pread(fd_.get(), data + done, n, at); });
}

bool RawDisk::write(uint64_t sector, const uint8_t *data, uint64_t sectors) const
{
	return fully(sector, sectors, [&](size_t done, size_t n, off_t at) { return pwrite(fd_.get(), data + done, n, at); });
}

bool RawDisk::flush() const
{
	return fsync(fd_.get()) == 0;
}

DiskBuffer::DiskBuffer(uint64_t sectors) : data_(static_cast<uint8_t *>(dmr_io_buffer_alloc(sectors * DMR_SECTOR_SIZE)))
{
	if (!data_)
		throw std::bad_alloc();
}

void DiskBuffer::Free::operator()(uint8_t *data) const
{
	dmr_free(data);
}

} // namespace dm_remap::tool
