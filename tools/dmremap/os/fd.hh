// SPDX-License-Identifier: GPL-2.0
// A file descriptor that is closed when it is left.
#ifndef DMREMAP_OS_FD_HH
#define DMREMAP_OS_FD_HH

#include <unistd.h>
#include <utility>

namespace dm_remap::tool {

class Fd final {
public:
	Fd() = default;
	explicit Fd(int fd) : fd_(fd) {}
	~Fd()
	{
		if (fd_ >= 0)
			::close(fd_);
	}
	Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	Fd &operator=(Fd &&other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}

	int get() const { return fd_; }
	explicit operator bool() const { return fd_ >= 0; }

private:
	int fd_ = -1;
};

} // namespace dm_remap::tool

#endif
