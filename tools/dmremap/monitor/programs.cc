// SPDX-License-Identifier: GPL-2.0
#include "monitor/programs.hh"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

bool is_meant(const std::string &name)
{
	return std::all_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-'); });
}

// Empty: nobody else can.
std::string who_else_writes(const struct stat &found)
{
	if (found.st_uid && found.st_uid != geteuid())
		return "it is not root's: 'chown root' it, if you trust it";
	return found.st_mode & (S_IWGRP | S_IWOTH) ? "others than its owner can write it: 'chmod go-w' it" : "";
}

// Empty: nothing is in the way.
std::string why_not(const std::string &path)
{
	struct stat found = {};

	if (stat(path.c_str(), &found))
		return std::generic_category().message(errno);
	if (!S_ISREG(found.st_mode))
		return "it is no file";
	if (!(found.st_mode & S_IXUSR) || access(path.c_str(), X_OK))
		return "it is not executable: 'chmod +x' it, or take it away";
	return who_else_writes(found);
}

} // namespace

Programs programs_in(const std::string &folder)
{
	struct stat found = {};
	std::error_code error;
	std::vector<std::string> names;
	Programs out;

	if (stat(folder.c_str(), &found))
		return out;
	if (const std::string why = who_else_writes(found); !why.empty()) {
		out.skipped.push_back({folder, why});
		return out;
	}
	for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
		if (const std::string name = at->path().filename(); is_meant(name))
			names.push_back(name);
	if (error)
		out.skipped.push_back({folder, error.message()});
	std::sort(names.begin(), names.end());
	for (const std::string &name : names) {
		const std::string path = fs::path(folder) / name;

		if (const std::string why = why_not(path); why.empty())
			out.paths.push_back(path);
		else
			out.skipped.push_back({path, why});
	}
	return out;
}

} // namespace dm_remap::tool
