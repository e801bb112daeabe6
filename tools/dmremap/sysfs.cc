// SPDX-License-Identifier: GPL-2.0
#include "sysfs.hh"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace dm_remap::tool::sysfs {

namespace {

namespace fs = std::filesystem;

// Where tests have put another one.
const fs::path &root()
{
	static const fs::path path = [] {
		const char *other = std::getenv("DM_REMAP_SYS");

		return other && *other ? other : "/sys";
	}();

	return path;
}

fs::path folder(const std::string &number)
{
	return root() / "dev/block" / number;
}

std::string line_of(const fs::path &file)
{
	std::ifstream in(file);
	std::string line;

	std::getline(in, line);
	return line;
}

uint64_t number_in(const fs::path &file)
{
	std::ifstream in(file);
	uint64_t value = 0;

	in >> value;
	return value;
}

std::vector<std::string> numbers_in(const fs::path &links)
{
	std::vector<std::string> out;
	std::error_code error;

	for (const fs::directory_entry &link : fs::directory_iterator(links, error))
		out.push_back(line_of(link.path() / "dev"));
	return out;
}

} // namespace

std::string node(const std::string &number)
{
	std::error_code error;
	const fs::path found = fs::read_symlink(folder(number), error);
	std::string name = found.filename();

	if (error)
		return number;
	// In /dev a '!' of sysfs is a '/'.
	std::replace(name.begin(), name.end(), '!', '/');
	return "/dev/" + name;
}

std::string number(const std::string &path)
{
	struct stat found = {};

	if (stat(path.c_str(), &found) || !S_ISBLK(found.st_mode))
		return {};
	return fmt::format("{}:{}", major(found.st_rdev), minor(found.st_rdev));
}

std::string attribute(const std::string &number, const std::string &file)
{
	std::error_code error;
	const fs::path own = folder(number) / file;

	return line_of(fs::exists(own, error) ? own : folder(number) / ".." / file);
}

std::string file(const std::string &number, const std::string &name)
{
	return folder(number) / name;
}

bool there()
{
	std::error_code error;

	return fs::exists(root() / "dev/block", error);
}

void trigger(const std::string &number)
{
	std::ofstream(folder(number) / "uevent") << "change" << std::flush;
}

std::vector<std::string> holders(const std::string &number)
{
	return numbers_in(folder(number) / "holders");
}

std::vector<std::string> slaves(const std::string &number)
{
	return numbers_in(folder(number) / "slaves");
}

bool is_partition(const std::string &number)
{
	std::error_code error;

	return fs::exists(folder(number) / "partition", error);
}

std::string disk(const std::string &number)
{
	return is_partition(number) ? line_of(folder(number) / ".." / "dev") : number;
}

std::vector<std::string> disks_below(const std::string &number)
{
	const std::vector<std::string> below = slaves(disk(number));
	std::vector<std::string> out;

	if (below.empty())
		return {disk(number)};
	for (const std::string &one : below)
		for (const std::string &found : disks_below(one))
			if (std::find(out.begin(), out.end(), found) == out.end())
				out.push_back(found);
	return out;
}

std::vector<std::string> all()
{
	std::vector<std::string> out;
	std::error_code error;

	for (const fs::directory_entry &disk : fs::directory_iterator(root() / "block", error)) {
		if (number_in(disk.path() / "size"))
			out.push_back(line_of(disk.path() / "dev"));
		for (const Partition &part : partitions(line_of(disk.path() / "dev")))
			if (part.sectors)
				out.push_back(part.number);
	}
	return out;
}

std::vector<Partition> partitions(const std::string &number)
{
	std::vector<Partition> out;
	std::error_code error;

	for (const fs::directory_entry &entry : fs::directory_iterator(folder(number), error))
		if (fs::exists(entry.path() / "partition", error))
			out.push_back({line_of(entry.path() / "dev"), number_in(entry.path() / "start"), number_in(entry.path() / "size")});
	return out;
}

Partition place(const std::string &number)
{
	return {number, is_partition(number) ? number_in(folder(number) / "start") : 0, number_in(folder(number) / "size")};
}

bool module_loaded(const std::string &name)
{
	std::error_code error;

	return fs::exists(root() / "module" / name, error);
}

std::optional<std::string> module(const std::string &name, const std::string &file)
{
	std::error_code error;
	const fs::path path = root() / "module" / name / file;

	return fs::exists(path, error) ? std::optional(line_of(path)) : std::nullopt;
}

std::optional<std::vector<std::string>> statistics()
{
	std::vector<std::string> out;
	std::error_code error;
	const fs::path devices = root() / "kernel/dm_remap/devices";

	if (!fs::exists(devices, error))
		return {};
	for (const fs::directory_entry &device : fs::directory_iterator(devices, error)) {
		std::ifstream in(device.path() / "all_stats");
		std::string text(std::istreambuf_iterator<char>(in), {});

		// One that has just gone says nothing.
		if (!text.empty())
			out.push_back(std::move(text));
	}
	return out;
}

} // namespace dm_remap::tool::sysfs
