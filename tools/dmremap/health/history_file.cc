// SPDX-License-Identifier: GPL-2.0
#include "health/history_file.hh"

#include "os/new_file.hh"
#include "sealed_document.hh"

#include <cerrno>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <system_error>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

// Many times what one has.
constexpr uintmax_t largest = 1 << 18;

} // namespace

HistoryFile::HistoryFile(const std::string &folder, std::string set) : set_(std::move(set)), path_(fmt::format("{}/history-{}.json", folder, set_)) {}

std::optional<History> HistoryFile::read()
{
	std::error_code error;

	fault_.reset();
	const fs::file_status status = fs::status(path_, error);

	if (status.type() == fs::file_type::not_found)
		return {};
	if (error)
		throw std::system_error(error, path_);
	try {
		if (!fs::is_regular_file(status))
			throw BrokenSeal("it is no file");
		if (fs::file_size(path_) > largest)
			throw BrokenSeal("it is too large");
		std::ifstream in(path_, std::ios::binary);
		const std::string text((std::istreambuf_iterator<char>(in)), {});

		if (!in.is_open() || in.bad())
			throw std::system_error(errno ? errno : EIO, std::generic_category(), path_);
		return History::parse(set_, text);
	} catch (const BrokenSeal &broken) {
		fault_ = fmt::format("{}: it is no history of this set: {}", path_, broken.what());
		return {};
	}
}

void HistoryFile::set_aside() const
{
	fs::rename(path_, path_ + ".bad");
}

void HistoryFile::write(const History &history) const
{
	fs::create_directories(fs::path(path_).parent_path());
	write_file(path_, 0644, history.text());
}

std::optional<std::string> record(HistoryFile &file, const std::string &set, const Sample &sample)
{
	std::optional<History> history = file.read();
	std::optional<std::string> said;

	if (file.fault()) {
		file.set_aside();
		said = fmt::format("{}; it is {}.bad now, and a new one begins", *file.fault(), file.path());
	}
	if (!history)
		history.emplace(set, sample);
	else if (!history->wants(sample))
		return said;
	else
		history->add(sample);
	file.write(*history);
	return said;
}

} // namespace dm_remap::tool
