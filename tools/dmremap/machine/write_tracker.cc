// SPDX-License-Identifier: GPL-2.0
#include "machine/write_tracker.hh"

#include "trace_lines.hh"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

// A bio that is passed on as it is, as md's raid0 does, is queued once, on the upper device, and remapped to the lower.
constexpr const char *events[] = {"block_bio_queue", "block_bio_remap"};
constexpr const char *buffer_kib = "4096"; // of each processor: some 50,000 writes, and it is emptied ten times a second
constexpr auto pause = std::chrono::milliseconds(100);

[[noreturn]] void failed(const std::string &path)
{
	throw std::system_error(errno, std::generic_category(), path);
}

// Mounted where it is not yet, as 'mount' would by /etc/fstab.
std::string tracing()
{
	const std::string folder = "/sys/kernel/tracing";
	std::error_code error;

	if (!fs::exists(folder + "/instances", error) && mount("tracefs", folder.c_str(), "tracefs", 0, nullptr))
		failed(folder);
	return folder;
}

std::string content(const fs::path &file)
{
	std::ifstream in(file);

	return std::string((std::istreambuf_iterator<char>(in)), {});
}

} // namespace

WriteTracker::WriteTracker(const std::string &number, uint64_t sectors, const std::string &name)
	: folder_(fmt::format("{}/instances/dm-remap-{}", tracing(), name)), written_(sectors, CopyState::copied)
{
	unsigned int major = 0, minor = 0;

	if (std::sscanf(number.c_str(), "%u:%u", &major, &minor) != 2)
		throw std::system_error(EINVAL, std::generic_category(), number);
	std::error_code ignored;

	fs::remove(folder_, ignored);
	if (mkdir(folder_.c_str(), 0700))
		failed(folder_);
	try {
		set("buffer_size_kb", buffer_kib);
		for (const char *event : events) {
			// dev_t as the kernel has it. All but reads: writes, discards, zeroes.
			set(fmt::format("events/block/{}/filter", event), fmt::format("dev == {} && !(rwbs ~ \"*R*\")", uint64_t{major} << 20 | minor));
			set(fmt::format("events/block/{}/enable", event), "1");
		}
		pipe_ = Fd(open((folder_ + "/trace_pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
		if (!pipe_)
			failed(folder_ + "/trace_pipe");
		thread_ = std::thread([this] { watch(); });
	} catch (...) {
		remove();
		throw;
	}
}

WriteTracker::~WriteTracker()
{
	end_ = true;
	thread_.join();
	remove();
}

void WriteTracker::remove()
{
	std::error_code ignored;

	pipe_ = Fd(); // or the folder is busy
	fs::remove(folder_, ignored);
}

void WriteTracker::set(const std::string &file, const std::string &value) const
{
	const std::string path = folder_ + "/" + file;
	const Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));

	if (!fd || write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
		failed(path);
}

void WriteTracker::watch()
{
	while (!end_) {
		{
			const std::lock_guard hold(lock_);

			drain();
		}
		std::this_thread::sleep_for(pause);
	}
}

// With the lock.
void WriteTracker::drain()
{
	char text[65536];

	for (ssize_t n; (n = read(pipe_.get(), text, sizeof(text))) != 0;) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			lost_ |= errno != EAGAIN;
			return;
		}
		const auto ranges = parse_trace({text, static_cast<size_t>(n)});

		lost_ |= !ranges;
		for (const SectorRange &range : ranges.value_or(std::vector<SectorRange>()))
			written_.set(range.start, range.start + range.sectors, CopyState::todo);
	}
}

// Each processor counts what it had no room for. No value: somebody has turned the trace off.
std::optional<uint64_t> WriteTracker::dropped() const
{
	std::error_code error;
	uint64_t sum = 0;

	if (content(folder_ + "/tracing_on") != "1\n")
		return {};
	for (const char *event : events)
		if (content(fmt::format("{}/events/block/{}/enable", folder_, event)) != "1\n")
			return {};
	for (const fs::directory_entry &cpu : fs::directory_iterator(folder_ + "/per_cpu", error)) {
		std::ifstream stats(cpu.path() / "stats");

		for (std::string line; std::getline(stats, line);)
			for (const std::string_view key : {"overrun: ", "commit overrun: ", "dropped events: "})
				if (line.starts_with(key))
					sum += std::strtoull(line.c_str() + key.size(), nullptr, 10);
	}
	return error ? std::nullopt : std::optional(sum);
}

// With the lock, after drain().
bool WriteTracker::losing(const std::optional<uint64_t> &dropped) const
{
	return lost_ || dropped != dropped_;
}

WriteTracker::Written WriteTracker::take()
{
	const std::lock_guard hold(lock_);

	drain();
	// Asked once: what is dropped after this is the next call's to tell.
	const std::optional<uint64_t> now = dropped();
	const bool lost = losing(now);

	dropped_ = now.value_or(dropped_);
	lost_ = false;
	return {std::exchange(written_, CopyMap(written_.sectors(), CopyState::copied)), lost};
}

bool WriteTracker::touched(uint64_t start, uint64_t end)
{
	const std::lock_guard hold(lock_);

	drain();
	const auto run = written_.next(CopyState::todo, start);

	return (run && run->start < end) || losing(dropped());
}

uint64_t WriteTracker::amount()
{
	const std::lock_guard hold(lock_);

	drain();
	return written_.sectors(CopyState::todo);
}

} // namespace dm_remap::tool
