// SPDX-License-Identifier: GPL-2.0
#include "host_order.hh"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace dm_remap::vm {

namespace {

std::atomic<unsigned> orders{0};

class File final {
public:
	explicit File(int fd) : fd_(fd) {}
	~File()
	{
		if (fd_ >= 0)
			close(fd_);
	}
	File(const File &) = delete;
	File &operator=(const File &) = delete;

	int get() const { return fd_; }

private:
	int fd_;
};

std::string failure(const char *what)
{
	return std::string(what) + ": " + std::strerror(errno);
}

// The port can be opened once; a child that was forked while it was open keeps it until it has a program of its own.
int open_port()
{
	const char *port = std::getenv("VM_CTL");

	for (;;) {
		const int fd = open(port ? port : "VM_CTL", O_RDWR | O_CLOEXEC);

		if (fd >= 0 || errno != EBUSY)
			return fd;
		usleep(1000);
	}
}

// "" or what is wrong.
std::string talk(const std::string &order)
{
	const File lock(open("/run/host.lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	const std::string id = "p" + std::to_string(getpid()) + "." + std::to_string(orders++);
	const std::string line = id + " " + order + "\n";
	std::string answer;
	char c;

	if (lock.get() < 0 || flock(lock.get(), LOCK_EX))
		return failure("/run/host.lock");
	const File channel(open_port());
	if (channel.get() < 0 || write(channel.get(), line.data(), line.size()) != ssize_t(line.size()))
		return failure("the host's channel");
	while (!answer.starts_with(id + " ") || answer.back() != '\n') {
		if (!answer.empty() && answer.back() == '\n')
			answer.clear();
		if (read(channel.get(), &c, 1) != 1)
			return failure("the host's channel");
		answer += c;
	}
	return answer.starts_with(id + " ok") ? "" : answer.substr(id.size() + 1, answer.size() - id.size() - 2);
}

} // namespace

bool order_host(const std::string &order, std::string *answer)
{
	const std::string wrong = talk(order);

	if (answer)
		*answer = wrong;
	return wrong.empty();
}

} // namespace dm_remap::vm
