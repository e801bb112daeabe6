// SPDX-License-Identifier: GPL-2.0
#include "ext4.hh"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <sys/wait.h>
#include <unistd.h>

namespace dm_remap::crash {

namespace {

struct Outcome {
	int status;
	std::string output;
};

Outcome run(const std::string &command)
{
	std::array<char, 4096> part;
	Outcome outcome{-1, ""};
	FILE *pipe = popen(("exec " + command + " 2>&1").c_str(), "re");

	if (!pipe)
		throw std::system_error(errno, std::generic_category(), command);
	while (const size_t n = fread(part.data(), 1, part.size(), pipe))
		outcome.output.append(part.data(), n);
	const int status = pclose(pipe);
	outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return outcome;
}

bool read_whole(const std::string &path, std::vector<uint8_t> &content)
{
	std::ifstream in(path, std::ios::binary);

	if (!in)
		return false;
	content.assign(std::istreambuf_iterator<char>(in), {});
	return true;
}

} // namespace

Ext4Checker::Ext4Checker(const std::string &directory, uint64_t bytes)
	: image_(directory + "/image"), dump_(directory + "/files"), bytes_(bytes),
	  fd_(open(image_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600))
{
	if (fd_ < 0)
		throw std::system_error(errno, std::generic_category(), image_);
}

Ext4Checker::~Ext4Checker()
{
	close(fd_);
	unlink(image_.c_str());
	std::filesystem::remove_all(dump_);
}

// Anew every time: the tools may write anywhere.
void Ext4Checker::write_image(const Image &device, const std::vector<uint64_t> &chunks)
{
	if (ftruncate(fd_, 0) || ftruncate(fd_, static_cast<off_t>(bytes_)))
		throw std::system_error(errno, std::generic_category(), image_);
	for (const uint64_t chunk : chunks) {
		if (pwrite(fd_, device.chunk(chunk), chunk_bytes, static_cast<off_t>(chunk * chunk_bytes)) != chunk_bytes)
			throw std::system_error(errno, std::generic_category(), image_);
	}
}

// What a mount would do first: replay the log, and nothing else. Then a check that repairs nothing. What a mount puts
// right besides is no damage: inodes that were deleted while somebody had them open, or in the midst of their deletion,
// and the counts of free blocks and inodes in the superblock, which are only written at an unmount.
std::string Ext4Checker::check_structure()
{
	Outcome outcome = run("e2fsck -E journal_only -fp " + image_);

	if (outcome.status > 1)
		return "the log cannot be replayed: " + outcome.output;
	outcome = run("e2fsck -fn " + image_);
	if (outcome.status == 0)
		return "";
	const std::string before = outcome.output;
	outcome = run("e2fsck -fp " + image_);
	std::istringstream lines(outcome.output);
	for (std::string line; std::getline(lines, line);) {
		static constexpr const char *harmless[] = {"Clearing orphaned inode", "Truncating orphaned inode", "orphan file",
							   "Free blocks count wrong (", "Free inodes count wrong (", " files (",
							   "recovering journal"};
		bool known = line.empty();

		for (const char *text : harmless)
			known = known || line.find(text) != std::string::npos;
		if (!known)
			return "e2fsck: " + line + "\n" + before;
	}
	if (outcome.status > 1)
		return "e2fsck gives up: " + outcome.output;
	outcome = run("e2fsck -fn " + image_);
	return outcome.status == 0 ? "" : "still not clean: " + outcome.output;
}

std::string Ext4Checker::check_files(const Expectation &expectation)
{
	std::filesystem::remove_all(dump_);
	std::filesystem::create_directory(dump_);
	run("debugfs -R 'rdump / " + dump_ + "' " + image_);
	return expectation.check_files([this](const std::string &path, std::vector<uint8_t> &content) {
		return read_whole(dump_ + "/" + path, content);
	});
}

std::string Ext4Checker::check(const Image &device, const std::vector<uint64_t> &chunks, const Expectation &expectation)
{
	write_image(device, chunks);
	if (std::string wrong = check_structure(); !wrong.empty())
		return wrong;
	return check_files(expectation);
}

} // namespace dm_remap::crash
