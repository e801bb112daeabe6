// SPDX-License-Identifier: GPL-2.0
// dmr_crash_workload: runs in the virtual machine on a mounted filesystem. Creates, overwrites, appends to, renames and
// deletes files and syncs them, has sectors go bad beneath, above all those it is about to write, and announces each
// step by a mark (files.hh).
//
//	dmr_crash_workload <mount point> <mark device> <seconds> <seed> <threads> <disk>:<first sector>:<sectors>...
//
// The disks named are those on which sectors go bad anywhere within the range; the first is main. Exit status 1 if the
// filesystem returned an error: it must not notice anything.
#include "files.hh"

#include "host/random.hh"
#include "vm/guest/host_order.hh"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace dm_remap::crash {

namespace {

using host::Random;

constexpr uint32_t most_blocks = 24, most_files = 12, most_extents = 64;
// Of each thread, however slow the machine: what is drawn for these follows from the seed alone.
constexpr uint64_t least_steps = 50;
// Marks of different threads are kept apart, or the block layer might make one write of two.
constexpr uint64_t mark_distance = 64 * 1024;

struct Range {
	std::string disk;
	uint64_t first, sectors;
};

struct Setup {
	std::string mount, mark;
	time_t end;
	uint64_t seed;
	std::vector<Range> decaying;
};

[[noreturn]] void die(const std::string &what)
{
	std::fprintf(stderr, "workload: %s: %s\n", what.c_str(), std::strerror(errno));
	_exit(1);
}

struct Free {
	void operator()(void *p) const { std::free(p); }
};
using Buffer = std::unique_ptr<uint8_t, Free>;

Buffer aligned(size_t bytes)
{
	auto *p = static_cast<uint8_t *>(std::aligned_alloc(block_bytes, bytes));

	std::memset(p, 0, bytes);
	return Buffer(p);
}

class Descriptor final {
public:
	Descriptor(const std::string &path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0644))
	{
		if (fd_ < 0)
			die(path);
	}
	~Descriptor() { close(fd_); }
	Descriptor(const Descriptor &) = delete;
	Descriptor &operator=(const Descriptor &) = delete;

	int get() const { return fd_; }
	void sync(const std::string &path) const
	{
		if (fsync(fd_))
			die("fsync of " + path);
	}

private:
	int fd_;
};

class Writer final {
public:
	Writer(const Setup &setup, uint32_t number)
		: setup_(setup), number_(number), random_(setup.seed * 1000 + number),
		  mark_fd_(setup.mark, O_WRONLY | O_DIRECT), mark_buffer_(aligned(mark_bytes)),
		  data_(aligned(most_blocks * block_bytes)), directory_(setup.mount + "/d" + std::to_string(number))
	{
		if (mkdir(directory_.c_str(), 0755))
			die(directory_);
		Descriptor(setup.mount, O_RDONLY).sync(setup.mount);
	}

	void run()
	{
		while (steps_ < least_steps || std::time(nullptr) < setup_.end) {
			const uint64_t draw = random_.below(100);

			if (files_.empty() || (draw < 12 && files_.size() < most_files))
				create();
			else if (draw < 85)
				overwrite(pick());
			else if (draw < 89)
				append(pick());
			else if (draw < 95)
				decay();
			else
				remove();
			steps_++;
		}
	}

	uint64_t steps() const { return steps_; }

private:
	struct File {
		uint32_t number, version = 0, blocks = 0;
		std::vector<Extent> extents = {};
	};

	File &pick() { return files_[random_.below(files_.size())]; }
	std::string path(const File &file) const { return setup_.mount + "/" + path_of(file.number); }

	void mark(const char *format, ...) __attribute__((format(printf, 2, 3)))
	{
		auto *text = reinterpret_cast<char *>(mark_buffer_.get());
		va_list args;

		std::memset(text, 0, mark_bytes);
		va_start(args, format);
		std::vsnprintf(text, mark_bytes, format, args);
		va_end(args);
		if (pwrite(mark_fd_.get(), text, mark_bytes, static_cast<off_t>(number_ * mark_distance)) != mark_bytes)
			die("mark");
	}

	// Blocks [first, first + count) in the file's next version; the caller syncs.
	void write_blocks(File &file, int fd, uint32_t first, uint32_t count)
	{
		file.version++;
		mark("begin %u %u %u %u", file.number, file.version, first, count);
		for (uint32_t i = 0; i < count; i++)
			fill_block(file.number, first + i, file.version, data_.get() + i * block_bytes);
		if (pwrite(fd, data_.get(), count * block_bytes, off_t(first) * block_bytes) != ssize_t(count * block_bytes))
			die("write to " + path(file));
		file.blocks = std::max(file.blocks, first + count);
	}

	// fsync has returned.
	void announce(File &file, int fd)
	{
		alignas(fiemap) uint8_t space[sizeof(fiemap) + most_extents * sizeof(fiemap_extent)] = {};
		auto *map = reinterpret_cast<fiemap *>(space);
		std::string text;

		map->fm_length = ~0ull;
		map->fm_extent_count = most_extents;
		if (ioctl(fd, FS_IOC_FIEMAP, map))
			die("fiemap of " + path(file));
		file.extents.clear();
		for (uint32_t i = 0; i < map->fm_mapped_extents; i++) {
			const fiemap_extent &e = map->fm_extents[i];

			// What is known of places ends where a block has none of its own.
			if (e.fe_flags & ~uint32_t(FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_MERGED))
				break;
			file.extents.push_back({e.fe_physical, e.fe_length});
			text += " " + std::to_string(e.fe_physical) + ":" + std::to_string(e.fe_length);
		}
		mark("synced %u %u%s", file.number, file.version, text.c_str());
	}

	void create()
	{
		File file{number_ * 1'000'000 + next_++};
		const bool by_rename = random_.chance(1, 2);
		const std::string name = path(file), first = by_rename ? name + ".new" : name;
		const Descriptor fd(first, O_RDWR | O_CREAT | O_EXCL), directory(directory_, O_RDONLY);

		write_blocks(file, fd.get(), 0, static_cast<uint32_t>(random_.between(1, most_blocks / 2)));
		fd.sync(first);
		if (by_rename && rename(first.c_str(), name.c_str()))
			die("rename to " + name);
		directory.sync(directory_);
		announce(file, fd.get());
		files_.push_back(file);
	}

	void overwrite(File &file)
	{
		const auto first = static_cast<uint32_t>(random_.below(file.blocks));
		const auto count = static_cast<uint32_t>(random_.between(1, file.blocks - first));
		const bool direct = random_.chance(2, 3), each_durable = random_.chance(1, 6);
		const Descriptor fd(path(file), O_RDWR | (direct ? O_DIRECT : 0) | (each_durable ? O_DSYNC : 0));

		if (random_.chance(1, 3))
			decay_below(file, first, count);
		write_blocks(file, fd.get(), first, count);
		// Most only become durable with what comes later: the disks shall have something to lose.
		if (!each_durable && random_.chance(4, 5))
			return;
		// Also of O_DSYNC, which says nothing of versions that earlier steps left unsynced.
		fd.sync(path(file));
		announce(file, fd.get());
	}

	void append(File &file)
	{
		const auto count = static_cast<uint32_t>(random_.between(1, 4));

		if (file.blocks + count > most_blocks)
			return;
		const Descriptor fd(path(file), O_RDWR);
		write_blocks(file, fd.get(), file.blocks, count);
		fd.sync(path(file));
		announce(file, fd.get());
	}

	void remove()
	{
		const size_t which = random_.below(files_.size());
		const std::string name = path(files_[which]);

		mark("gone %u", files_[which].number);
		if (unlink(name.c_str()))
			die("unlink of " + name);
		files_.erase(files_.begin() + static_cast<ptrdiff_t>(which));
	}

	// Medium errors only QEMU can make, and thousands of its rules are slow: some of them.
	void bad(const std::string &disk, uint64_t sector, uint64_t count, bool reads)
	{
		const std::string first = std::to_string(sector), length = std::to_string(count), kind = reads ? "rw" : "write";

		if (random_.chance(1, 3))
			ask_host("bad " + disk + " " + first + ":" + length + " " + kind + " medium");
		else
			mark("bad %s %s %s %s %s", disk.c_str(), first.c_str(), length.c_str(), kind.c_str(),
			     random_.chance(1, 6) ? "io" : "target");
	}

	void ask_host(const std::string &order)
	{
		std::string answer;

		if (vm::order_host(order, &answer))
			return;
		std::fprintf(stderr, "workload: the host to '%s': %s\n", order.c_str(), answer.c_str());
		_exit(1);
	}

	// Sectors in one of the blocks that are about to be written in whole: nobody needs to read them any more.
	void decay_below(const File &file, uint32_t first, uint32_t count)
	{
		uint64_t offset = (first + random_.below(count)) * block_bytes;
		const uint64_t skip = random_.below(block_sectors);

		for (const Extent &e : file.extents) {
			if (offset < e.bytes) {
				bad(setup_.decaying[0].disk, (e.at + offset) / sector_bytes + skip,
				    random_.between(1, block_sectors - skip), random_.chance(1, 2));
				return;
			}
			offset -= e.bytes;
		}
	}

	// Anywhere; what is there can still be read.
	void decay()
	{
		const Range &range = setup_.decaying[random_.chance(1, 6) ? random_.below(setup_.decaying.size()) : 0];
		const uint64_t count = random_.between(1, 16);

		bad(range.disk, range.first + random_.below(range.sectors - count), count, false);
	}

	const Setup &setup_;
	const uint32_t number_;
	Random random_;
	Descriptor mark_fd_;
	Buffer mark_buffer_, data_;
	std::string directory_;
	std::vector<File> files_;
	uint32_t next_ = 0;
	uint64_t steps_ = 0;
};

Range parse_range(const std::string &text)
{
	char name[24];
	unsigned long long first, sectors;

	if (std::sscanf(text.c_str(), "%23[^:]:%llu:%llu", name, &first, &sectors) != 3 || sectors < 32) {
		std::fprintf(stderr, "workload: '%s' is not disk:first:sectors\n", text.c_str());
		std::exit(2);
	}
	return {name, first, sectors};
}

void mark_start(const std::string &device)
{
	const Descriptor fd(device, O_WRONLY | O_DIRECT);
	const Buffer buffer = aligned(mark_bytes);

	std::strcpy(reinterpret_cast<char *>(buffer.get()), "start");
	if (pwrite(fd.get(), buffer.get(), mark_bytes, 15 * mark_distance) != mark_bytes)
		die(device);
}

int run(int argc, char **argv)
{
	Setup setup;
	std::vector<std::unique_ptr<Writer>> writers;
	std::vector<std::thread> threads;
	uint64_t steps = 0;

	if (argc < 7) {
		std::fprintf(stderr, "usage: %s MOUNT MARK-DEVICE SECONDS SEED THREADS DISK:FIRST:SECTORS...\n", argv[0]);
		return 2;
	}
	setup.mount = argv[1];
	setup.mark = argv[2];
	setup.end = std::time(nullptr) + std::atoi(argv[3]);
	setup.seed = std::strtoull(argv[4], nullptr, 10);
	for (int i = 6; i < argc; i++)
		setup.decaying.push_back(parse_range(argv[i]));
	for (int i = 0; i < std::min(std::atoi(argv[5]), 15); i++)
		writers.push_back(std::make_unique<Writer>(setup, static_cast<uint32_t>(i)));
	mark_start(setup.mark);
	for (auto &writer : writers)
		threads.emplace_back([&writer] { writer->run(); });
	for (std::thread &thread : threads)
		thread.join();
	for (auto &writer : writers)
		steps += writer->steps();
	std::printf("workload: %llu steps\n", static_cast<unsigned long long>(steps));
	return 0;
}

} // namespace

} // namespace dm_remap::crash

int main(int argc, char **argv)
{
	return dm_remap::crash::run(argc, argv);
}
