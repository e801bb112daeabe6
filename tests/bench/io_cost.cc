// SPDX-License-Identifier: GPL-2.0
// What an I/O of 4 KiB costs: io_cost DEVICE r|w DEPTH COUNT START SECTORS [STEP] prints nanoseconds an I/O. Where a nanosecond
// is an instruction ('# vm: icount=1'), these are instructions, nearly the same each time.
//
// Past the cache. Of depth 1: a system call each, at pseudo-random multiples of STEP (8 sectors unless given) from START on,
// within SECTORS. Of a larger depth: so many at once, then all are waited for. With COUNT 0 each place has its turn, once, in
// order.
#include <linux/aio_abi.h>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <vector>

namespace {

constexpr size_t io_bytes = 4096;
constexpr uint64_t sector_bytes = 512;

[[noreturn]] void give_up(const char *what)
{
	std::perror(what);
	std::exit(1);
}

uint64_t now_ns()
{
	timespec t = {};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

// Where one I/O after the other goes.
class Places final {
public:
	Places(uint64_t start, uint64_t sectors, uint64_t step, bool in_order)
		: start_(start), step_(step), count_(sectors / step), in_order_(in_order)
	{
	}

	uint64_t count() const { return count_; }
	off_t next()
	{
		uint64_t at = turn_++;

		if (!in_order_) {
			random_ ^= random_ << 13;
			random_ ^= random_ >> 7;
			random_ ^= random_ << 17;
			at = random_;
		}
		return static_cast<off_t>((start_ + at % count_ * step_) * sector_bytes);
	}

private:
	uint64_t start_, step_, count_, turn_ = 0, random_ = 88172645463325252;
	bool in_order_;
};

class Device final {
public:
	Device(const char *path, bool write, uint32_t depth)
		: fd_(open(path, O_RDWR | O_DIRECT | O_CLOEXEC)), write_(write), blocks_(depth), order_(depth), events_(depth)
	{
		if (fd_ < 0 || posix_memalign(&data_, io_bytes, io_bytes))
			give_up(path);
		std::memset(data_, 7, io_bytes);
		if (depth > 1 && syscall(SYS_io_setup, depth, &aio_))
			give_up("io_setup");
	}
	Device(const Device &) = delete;
	Device &operator=(const Device &) = delete;

	void one(off_t at)
	{
		const ssize_t done = write_ ? pwrite(fd_, data_, io_bytes, at) : pread(fd_, data_, io_bytes, at);

		if (done != static_cast<ssize_t>(io_bytes))
			give_up("I/O");
	}

	// As many as the depth.
	void many(Places &places)
	{
		const auto depth = static_cast<long>(blocks_.size());

		for (size_t i = 0; i < blocks_.size(); i++) {
			blocks_[i] = {};
			blocks_[i].aio_lio_opcode = write_ ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
			blocks_[i].aio_fildes = static_cast<uint32_t>(fd_);
			blocks_[i].aio_buf = reinterpret_cast<uint64_t>(data_);
			blocks_[i].aio_nbytes = io_bytes;
			blocks_[i].aio_offset = places.next();
			order_[i] = &blocks_[i];
		}
		if (syscall(SYS_io_submit, aio_, depth, order_.data()) != depth)
			give_up("io_submit");
		if (syscall(SYS_io_getevents, aio_, depth, depth, events_.data(), nullptr) != depth)
			give_up("io_getevents");
		for (const io_event &event : events_)
			if (event.res != static_cast<int64_t>(io_bytes)) {
				std::fprintf(stderr, "I/O: %lld\n", static_cast<long long>(event.res));
				std::exit(1);
			}
	}

private:
	int fd_;
	bool write_;
	void *data_ = nullptr;
	aio_context_t aio_ = 0;
	std::vector<iocb> blocks_;
	std::vector<iocb *> order_;
	std::vector<io_event> events_;
};

// Nanoseconds an I/O.
uint64_t measure(Device &device, Places &places, uint32_t depth, uint64_t count)
{
	const uint64_t begun = now_ns();
	uint64_t done = 0;

	for (; done < count; done += depth) {
		if (depth == 1)
			device.one(places.next());
		else
			device.many(places);
	}
	return (now_ns() - begun) / done;
}

} // namespace

int main(int argc, char **argv)
{
	if (argc < 7 || argc > 8 || (std::string_view(argv[2]) != "r" && std::string_view(argv[2]) != "w")) {
		std::fprintf(stderr, "usage: io_cost DEVICE r|w DEPTH COUNT START SECTORS [STEP]\n");
		return 2;
	}
	const auto number = [argv](int i) { return std::strtoull(argv[i], nullptr, 10); };
	const auto depth = static_cast<uint32_t>(number(3));
	const uint64_t count = number(4), step = argc > 7 ? number(7) : 8;
	if (depth == 0 || depth > 1024 || step < 8 || number(6) < step) {
		std::fprintf(stderr, "io_cost: a depth of 1 to 1024, a step of 8 at least, and room for a step\n");
		return 2;
	}
	Places places(number(5), number(6), step, count == 0);
	Device device(argv[1], argv[2][0] == 'w', depth);

	if (count)
		measure(device, places, depth, count / 10 + 1);
	std::printf("%llu\n", static_cast<unsigned long long>(measure(device, places, depth, count ? count : places.count())));
	return 0;
}
