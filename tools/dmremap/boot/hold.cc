// SPDX-License-Identifier: GPL-2.0
#include "boot/hold.hh"

#include "boot/run_dir.hh"
#include "sysfs.hh"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

using run_dir::Note;

// What is said to the process that holds main.
constexpr char take = 't', end = 'e';
// It answers at once; one that does not is stopped, or stuck.
constexpr int patience = 5000; // milliseconds
// Nobody tells when a device is let go of, or a lock.
constexpr int between_tries = 5000, between_locks = 200;

[[noreturn]] void fail(const std::string &what)
{
	throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_un address(const std::string &set)
{
	const std::string path = run_dir::path(Note::hold, set);
	sockaddr_un out = {};

	if (path.size() >= sizeof(out.sun_path))
		throw std::system_error(ENAMETOOLONG, std::generic_category(), path);
	out.sun_family = AF_UNIX;
	path.copy(out.sun_path, path.size());
	return out;
}

Fd connect_to(const std::string &set)
{
	const sockaddr_un to = address(set);
	Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr *>(&to), sizeof(to)))
		return {};
	return fd;
}

bool readable(const Fd &fd, int milliseconds)
{
	pollfd one = {fd.get(), POLLIN, 0};

	return poll(&one, 1, milliseconds) > 0;
}

union Control {
	cmsghdr head;
	std::array<char, CMSG_SPACE(sizeof(int))> space;
};

msghdr message(iovec &byte, Control &control)
{
	msghdr out = {};

	out.msg_iov = &byte;
	out.msg_iovlen = 1;
	out.msg_control = &control;
	out.msg_controllen = sizeof(control);
	return out;
}

// One byte, and what is open behind it.
void send_open(const Fd &to, const Fd &what)
{
	char answer = take;
	iovec byte = {&answer, 1};
	Control control = {};
	msghdr out = message(byte, control);

	if (!what)
		out.msg_controllen = 0;
	if (cmsghdr *head = CMSG_FIRSTHDR(&out)) {
		const int fd = what.get();

		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(fd));
		std::memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	(void)!sendmsg(to.get(), &out, MSG_NOSIGNAL);
}

Fd receive_open(const Fd &from)
{
	char answer = 0;
	iovec byte = {&answer, 1};
	Control control = {};
	msghdr in = message(byte, control);

	if (!readable(from, patience) || recvmsg(from.get(), &in, MSG_CMSG_CLOEXEC) != 1)
		return {};
	const cmsghdr *head = CMSG_FIRSTHDR(&in);
	int fd = -1;

	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
		std::memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return Fd(fd);
}

std::string number_of(const Fd &fd)
{
	struct stat found = {};

	if (!fd || fstat(fd.get(), &found) || !S_ISBLK(found.st_mode))
		return {};
	return fmt::format("{}:{}", major(found.st_rdev), minor(found.st_rdev));
}

// Of a disk that was unplugged the kernel says that it has no size.
bool is_alive(const Fd &fd)
{
	uint64_t bytes = 0;

	return fd && !ioctl(fd.get(), BLKGETSIZE64, &bytes) && bytes;
}

} // namespace

HeldMain::HeldMain(const std::string &set) : connection_(connect_to(set))
{
	if (connection_ && send(connection_.get(), &take, 1, MSG_NOSIGNAL) == 1)
		main_ = receive_open(connection_);
}

bool HeldMain::is(const std::string &number) const
{
	return main_ && number_of(main_) == number;
}

void HeldMain::dismiss() const
{
	if (connection_)
		(void)!send(connection_.get(), &end, 1, MSG_NOSIGNAL);
}

bool HeldMain::by_somebody(const std::string &set)
{
	return static_cast<bool>(connect_to(set));
}

Holder::Holder(std::string set, Say say) : set_(std::move(set)), say_(std::move(say)) {}

Holder::~Holder()
{
	if (socket_)
		run_dir::remove(Note::hold, set_);
}

void Holder::tell(const std::string &text)
{
	if (text != said_)
		say_(said_ = text);
}

// In a process that an initramfs has left behind there is no sysfs any more, and nothing to be seen.
bool Holder::needed() const
{
	return sysfs::there() && !set_runs(set_) && !run_dir::read(Note::released, set_);
}

void Holder::look_for_main()
{
	const std::vector<KnownMain> mains = known_mains(SetsConfig::read());

	// The news was of another disk, of which a machine may have hundreds. Of one that was unplugged another may have the number.
	if (is_alive(main_) && is_main_of(mains, set_, number_))
		return;
	number_ = find_device(mains, set_);
	main_ = Fd();
	if (number_.empty())
		return tell("main is not there");
	const std::string path = sysfs::node(number_);

	main_ = Fd(open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
	if (main_)
		return tell(fmt::format("{} is main, and is kept from being used until the set runs; 'dmremap release-main {}' ends that", path, set_));
	busy_ = errno == EBUSY;
	tell(busy_ ? fmt::format("{} is main, and somebody uses it already: it lacks what was remapped", path)
		   : fmt::format("{}: {}", path, std::strerror(errno)));
}

void Holder::listen()
{
	if (socket_)
		return;
	const sockaddr_un to = address(set_);

	run_dir::remove(Note::hold, set_);
	socket_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (!socket_ || bind(socket_.get(), reinterpret_cast<const sockaddr *>(&to), sizeof(to)) || chmod(to.sun_path, 0600) ||
	    ::listen(socket_.get(), 8))
		fail(to.sun_path);
}

bool Holder::serve()
{
	const Fd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
	char word = 0;

	// Who says nothing has only looked whether somebody is here.
	if (!connection || !readable(connection, patience) || recv(connection.get(), &word, 1, 0) != 1)
		return true;
	if (word != take)
		return word != end;
	send_open(connection, main_);
	main_ = Fd();
	number_.clear();
	// However long the start takes.
	while (recv(connection.get(), &word, 1, 0) < 0 && errno == EINTR)
		;
	return word != end;
}

// Of another process, which may be one that an initramfs has left behind.
void Holder::take_over()
{
	HeldMain before(set_);

	number_ = find_device(known_mains(SetsConfig::read()), set_);
	if (before.is(number_))
		main_ = before.let_go();
	before.dismiss();
}

bool Holder::wait_and_serve(udev::Monitor &monitor, int milliseconds)
{
	pollfd news[] = {{socket_.get(), POLLIN, 0}, {monitor.fd(), POLLIN, 0}};

	if (poll(news, 2, milliseconds) < 0 && errno != EINTR)
		fail("poll");
	if (news[1].revents)
		monitor.wait(0);
	if (!news[0].revents || serve())
		return true;
	socket_ = Fd(); // its path is the other's now
	return false;
}

// Who starts the set has the lock while it asks for main: once this process can be asked, it must not wait for the lock.
bool Holder::look()
{
	using run_dir::SetLock;
	const SetLock lock(set_, socket_ ? SetLock::Wait::no : SetLock::Wait::yes);

	busy_ = false;
	locked_out_ = !lock.is_held();
	if (locked_out_)
		return true;
	if (!needed())
		return false;
	if (!socket_) {
		take_over();
		listen();
	}
	look_for_main();
	return true;
}

void Holder::run(const std::function<void()> &ready)
{
	udev::Monitor monitor;
	bool told = false;

	while (look()) {
		if (!std::exchange(told, true))
			ready();
		if (!wait_and_serve(monitor, locked_out_ ? between_locks : busy_ ? between_tries : -1))
			return;
	}
}

} // namespace dm_remap::tool
