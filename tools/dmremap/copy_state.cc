// SPDX-License-Identifier: GPL-2.0
#include "copy_state.hh"

#include "exit_status.hh"
#include "os/new_file.hh"
#include "sealed_document.hh"

#include <cerrno>
#include <dm_remap/kernel_api.h>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace dm_remap::tool {

namespace {

using nlohmann::ordered_json;

constexpr SealedKind kind = {"dm-remap copy", 1, "copy"};

[[noreturn]] void bad(const std::string &why)
{
	throw Failure(ExitStatus::failed, "state", "the record of the copy is not whole: " + why);
}

[[noreturn]] void failed(const std::string &path)
{
	throw std::system_error(errno, std::generic_category(), path);
}

std::string folder_of(const std::string &path)
{
	return std::filesystem::absolute(path).parent_path();
}

// A record takes the place of what is there.
void refuse_foreign(const std::string &path)
{
	std::error_code ignored;
	const std::string begin = kind.begin();
	std::string there(begin.size(), 0);

	if (!std::filesystem::exists(path, ignored))
		return;
	if (std::filesystem::is_regular_file(path, ignored)) {
		std::ifstream in(path, std::ios::binary);

		in.read(there.data(), static_cast<std::streamsize>(there.size()));
		there.resize(static_cast<size_t>(in.gcount()));
		if (begin.starts_with(there))
			return;
	}
	throw Failure(ExitStatus::would_lose, "other-file", fmt::format("{}: it is no record of a copy: name another file with --state", path));
}

// Of runs, [end, state] each: they follow on from each other.
CopyMap map_of(const ordered_json &runs, uint64_t sectors)
{
	CopyMap map(sectors);
	uint64_t at = 0;

	for (const ordered_json &run : runs) {
		const uint64_t end = run.at(0).get<uint64_t>(), state = run.at(1).get<uint64_t>();

		if (run.size() != 2 || end <= at || end > sectors || state >= copy_states)
			bad(fmt::format("a run at sector {}", at));
		map.set(at, end, static_cast<CopyState>(state));
		at = end;
	}
	if (at != sectors)
		bad(fmt::format("it ends at sector {} of {}", at, sectors));
	return map;
}

} // namespace

std::string CopyStateDocument::text() const
{
	ordered_json runs = ordered_json::array();

	map.each([&](const CopyMap::Run &run) { runs.push_back({run.end, static_cast<int>(run.state)}); });
	const ordered_json body = {{"set", subject.set},   {"sectors", subject.sectors}, {"disk", subject.disk}, {"disk_sectors", subject.disk_sectors},
				   {"path", path}, {"runs", std::move(runs)}};

	return sealed(kind, body);
}

CopyStateDocument CopyStateDocument::parse(const std::string &text)
{
	try {
		const ordered_json body = unsealed(kind, text);
		CopySubject subject = {body.at("set"), body.at("sectors"), body.at("disk"), body.at("disk_sectors")};
		CopyMap map = map_of(body.at("runs"), subject.sectors);

		return {std::move(subject), body.at("path"), std::move(map)};
	} catch (const BrokenSeal &broken) {
		bad(broken.what());
	} catch (const ordered_json::exception &error) {
		bad(error.what());
	}
}

CopyStateFile::CopyStateFile(std::string path) : path_(std::move(path))
{
	std::filesystem::create_directories(folder_of(path_));
	lock_ = Fd(open((path_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	if (!lock_)
		failed(path_ + ".lock");
	if (flock(lock_.get(), LOCK_EX | LOCK_NB))
		throw Failure(ExitStatus::busy, "busy", fmt::format("{}: another dmremap is copying", path_));
	refuse_foreign(path_);
}

std::optional<CopyStateDocument> CopyStateFile::read() const
{
	if (!std::filesystem::exists(path_))
		return {};
	std::ifstream in(path_, std::ios::binary);
	const std::string text((std::istreambuf_iterator<char>(in)), {});

	if (!in)
		throw std::system_error(EIO, std::generic_category(), path_);
	return CopyStateDocument::parse(text);
}

void CopyStateFile::write(const CopyStateDocument &state)
{
	write_file(path_, 0600, state.text());
}

void CopyStateFile::remove()
{
	std::filesystem::remove(path_);
}

std::string ddrescue_map(const CopyMap &map)
{
	std::vector<std::pair<uint64_t, char>> ends;
	std::string out = "# Mapfile. Created by dmremap replace\n# current_pos  current_status  current_pass\n0x0     +               1\n"
			  "#      pos        size  status\n";
	uint64_t at = 0;

	map.each([&](const CopyMap::Run &run) {
		const char status = run.state == CopyState::bad ? '-' : run.state == CopyState::copied || run.state == CopyState::verified ? '+' : '?';

		if (!ends.empty() && ends.back().second == status)
			ends.back().first = run.end;
		else
			ends.push_back({run.end, status});
	});
	for (const auto &[end, status] : ends) {
		out += fmt::format("{:#x}  {:#x}  {}\n", at * DMR_SECTOR_SIZE, (end - at) * DMR_SECTOR_SIZE, status);
		at = end;
	}
	return out;
}

} // namespace dm_remap::tool
