// SPDX-License-Identifier: GPL-2.0
#include "os/device.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <linux/fs.h>
#include <map>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

using dm_remap::os::Access;

namespace {

// Devices that are open, by the number in their token.
std::map<uint32_t, const dmr_device *> &open_devices()
{
	static std::map<uint32_t, const dmr_device *> devices;
	return devices;
}

uint32_t next_id()
{
	static uint32_t last;
	return ++last;
}

dmr_status status_of(int error)
{
	switch (error) {
	case ENODATA:
	case EILSEQ:
		return DMR_STS_MEDIUM;
	case ENOSPC:
		return DMR_STS_NOSPC;
	case ETIMEDOUT:
		return DMR_STS_TIMEOUT;
	case ENOLINK:
		return DMR_STS_TRANSPORT;
	case EREMOTEIO:
		return DMR_STS_TARGET;
	case ENOMEM:
		return DMR_STS_RESOURCE;
	default:
		return DMR_STS_IOERR;
	}
}

[[noreturn]] void refuse(const std::string &path, int error)
{
	throw std::system_error(error, std::generic_category(), path);
}

// All of it, whatever the pieces the kernel makes of it. The end of the file is an error: what is there has a size.
bool read_fully(int fd, uint64_t at, void *data, size_t n)
{
	for (auto *to = static_cast<uint8_t *>(data); n;) {
		const ssize_t done = pread(fd, to, n, static_cast<off_t>(at));

		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return false;
		to += done, at += static_cast<uint64_t>(done), n -= static_cast<size_t>(done);
	}
	return true;
}

bool write_fully(int fd, uint64_t at, const void *data, size_t n)
{
	for (auto *from = static_cast<const uint8_t *>(data); n;) {
		const ssize_t done = pwrite(fd, from, n, static_cast<off_t>(at));

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		from += done, at += static_cast<uint64_t>(done), n -= static_cast<size_t>(done);
	}
	return true;
}

} // namespace

namespace dm_remap::os {

ReadAhead::~ReadAhead()
{
	forget();
	for (Piece &piece : pieces_) {
		dmr_io_buffer_free(piece.data, piece_bytes);
		if (piece.fd >= 0)
			close(piece.fd);
	}
}

void ReadAhead::forget()
{
	for (Piece &piece : pieces_) {
		wait(piece);
		piece.bytes = 0;
	}
}

// Does this read begin where one of the last has ended?
bool ReadAhead::goes_on(uint64_t at, size_t n)
{
	const auto before = std::find(ends_.begin(), ends_.end(), at);
	const bool found = at && before != ends_.end();

	(found ? *before : ends_[clock_++ % remembered]) = at + n;
	return found;
}

// For what is under way, its end; false if that piece holds nothing.
bool ReadAhead::wait(Piece &piece)
{
	const aiocb *const list[] = {&piece.request};

	if (!piece.under_way)
		return piece.bytes;
	while (aio_error(&piece.request) == EINPROGRESS)
		aio_suspend(list, 1, nullptr);
	piece.under_way = false;
	if (aio_return(&piece.request) != static_cast<ssize_t>(piece.bytes))
		piece.bytes = 0;
	return piece.bytes;
}

ReadAhead::Piece *ReadAhead::find(uint64_t start)
{
	for (Piece &piece : pieces_)
		if (piece.bytes && piece.at == start)
			return &piece;
	return nullptr;
}

// In the place of the one that was not used for longest.
ReadAhead::Piece *ReadAhead::begin(int fd, uint64_t start, uint64_t end)
{
	Piece &piece = *std::min_element(pieces_.begin(), pieces_.end(), [](const Piece &a, const Piece &b) { return a.used < b.used; });

	wait(piece);
	piece.bytes = 0;
	if (!piece.data)
		piece.data = static_cast<uint8_t *>(dmr_io_buffer_alloc(piece_bytes));
	if (piece.fd < 0)
		piece.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (!piece.data || piece.fd < 0)
		return nullptr;
	piece.request = {};
	piece.request.aio_fildes = piece.fd;
	piece.request.aio_buf = piece.data;
	piece.request.aio_nbytes = std::min<uint64_t>(piece_bytes, end - start);
	piece.request.aio_offset = static_cast<off_t>(start);
	if (aio_read(&piece.request))
		return nullptr;
	piece.at = start;
	piece.bytes = piece.request.aio_nbytes;
	piece.under_way = true;
	piece.used = ++clock_;
	return &piece;
}

bool ReadAhead::read(int fd, uint64_t at, uint64_t end, void *out, size_t n)
{
	if (!goes_on(at, n))
		return false;
	for (auto *to = static_cast<uint8_t *>(out); n;) {
		const uint64_t start = at / piece_bytes * piece_bytes, next = start + piece_bytes;
		Piece *piece = find(start);

		if (!piece)
			piece = begin(fd, start, end);
		if (!piece)
			return false;
		piece->used = ++clock_;
		if (next < end && !find(next))
			begin(fd, next, end);
		if (!wait(*piece))
			return false;
		const size_t part = std::min<uint64_t>(n, piece->at + piece->bytes - at);

		std::memcpy(to, piece->data + (at - piece->at), part);
		to += part, at += part, n -= part;
	}
	return true;
}

std::string name_paths(std::string text)
{
	// The greatest number first: one may be the beginning of another.
	for (auto at = open_devices().rbegin(); at != open_devices().rend(); ++at) {
		const std::string token = at->second->token();

		for (const std::string &said : {"/dev/block/" + token, token})
			for (size_t from = 0; (from = text.find(said, from)) != text.npos; from += at->second->path().size())
				text.replace(from, said.size(), at->second->path());
	}
	return text;
}

} // namespace dm_remap::os

dmr_device::dmr_device(std::string path, Access access) : path_(std::move(path)), access_(access), id_(next_id())
{
	struct stat found = {};

	if (stat(path_.c_str(), &found))
		refuse(path_, errno);
	block_device_ = S_ISBLK(found.st_mode);
	if (!block_device_ && !S_ISREG(found.st_mode))
		refuse(path_, ENOTBLK);
	const int flags = O_CLOEXEC | (access == Access::read ? O_RDONLY : O_RDWR | (block_device_ ? O_EXCL : 0));

	fd_ = open(path_.c_str(), flags | O_DIRECT);
	if (fd_ < 0 && errno == EINVAL && !block_device_) {
		fd_ = open(path_.c_str(), flags);
		buffered_ = true;
	}
	if (fd_ < 0)
		refuse(path_, errno);
	number_ = block_device_ ? found.st_rdev : found.st_dev;
	inode_ = block_device_ ? 0 : found.st_ino;
	uint64_t bytes = static_cast<uint64_t>(found.st_size);

	if (block_device_) {
		int logical = 0, read_only = 0;
		unsigned int physical = 0;

		if (ioctl(fd_, BLKGETSIZE64, &bytes) || ioctl(fd_, BLKSSZGET, &logical) || ioctl(fd_, BLKPBSZGET, &physical) ||
		    ioctl(fd_, BLKROGET, &read_only)) {
			const int error = errno;

			close(fd_);
			refuse(path_, error);
		}
		logical_ = static_cast<uint32_t>(logical);
		physical_ = physical;
		read_only_ = read_only;
	}
	sectors_ = bytes / DMR_SECTOR_SIZE;
	open_devices()[id_] = this;
}

dmr_device::~dmr_device()
{
	open_devices().erase(id_);
	close(fd_);
}

std::string dmr_device::token() const
{
	return fmt::format("<device {}>", id_);
}

bool dmr_device::held() const
{
	if (!block_device_)
		return false;
	const std::string holders = fmt::format("/sys/dev/block/{}:{}/holders", major(number_), minor(number_));
	std::error_code error;

	return std::filesystem::directory_iterator(holders, error) != std::filesystem::directory_iterator();
}

void dmr_device::describe(dmr_device_info &out) const
{
	out = {};
	out.sectors = sectors_;
	out.logical_block_bytes = logical_;
	out.physical_block_bytes = physical_;
	out.read_only = read_only_ || access_ == Access::read;
	token().copy(out.name, sizeof(out.name) - 1);
}

// A file whose filesystem has O_DIRECT, but not for blocks as small as these.
bool dmr_device::go_buffered()
{
	if (block_device_ || buffered_ || errno != EINVAL)
		return false;
	buffered_ = !fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) & ~O_DIRECT);
	return buffered_;
}

dmr_status dmr_device::read(uint64_t sector, void *data, uint32_t sectors)
{
	const uint64_t at = sector * DMR_SECTOR_SIZE;
	const size_t bytes = size_t{sectors} * DMR_SECTOR_SIZE;

	if (!inside(sector, sectors))
		return DMR_STS_IOERR;
	// A place that cannot be read must not take its neighbours with it: then as it was asked for.
	if (access_ == Access::read && ahead_.read(fd_, at, sectors_ * DMR_SECTOR_SIZE, data, bytes))
		return DMR_STS_OK;
	if (read_fully(fd_, at, data, bytes) || (go_buffered() && read_fully(fd_, at, data, bytes)))
		return DMR_STS_OK;
	return status_of(errno);
}

dmr_status dmr_device::write(uint64_t sector, const void *data, uint32_t sectors, uint32_t flags)
{
	const uint64_t at = sector * DMR_SECTOR_SIZE;
	const size_t bytes = size_t{sectors} * DMR_SECTOR_SIZE;

	if (access_ == Access::read || !inside(sector, sectors))
		return DMR_STS_IOERR;
	if (!write_fully(fd_, at, data, bytes) && !(go_buffered() && write_fully(fd_, at, data, bytes)))
		return status_of(errno);
	return flags & DMR_IO_FUA ? flush() : dmr_status{DMR_STS_OK};
}

dmr_status dmr_device::flush()
{
	return fdatasync(fd_) ? status_of(errno) : dmr_status{DMR_STS_OK};
}
