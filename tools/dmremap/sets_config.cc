// SPDX-License-Identifier: GPL-2.0
#include "sets_config.hh"

#include "answer.hh"
#include "config_words.hh"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

std::string quoted(const std::string &value)
{
	if (value.find('\n') != value.npos)
		throw std::system_error(EINVAL, std::generic_category(), fmt::format("'{}' has a line break in it", value));
	if (!value.empty() && value.find_first_of(" \t\"\\#") == value.npos)
		return value;
	std::string out = "\"";

	for (const char c : value) {
		if (c == '"' || c == '\\')
			out += '\\';
		out += c;
	}
	return out + "\"";
}

std::string uuid_of(const std::string &key, const std::string &text)
{
	if (!is_uuid(text))
		throw ConfigFault{fmt::format("{}: '{}' is not a UUID", key, text)};
	return lower(text);
}

ConfiguredSpare spare_of(const std::string &value)
{
	const size_t at = value.find('@'), colon = value.rfind(':');
	ConfiguredSpare spare;

	spare.uuid = uuid_of("spare", value.substr(0, at));
	if (at == value.npos)
		return spare;
	if (colon == value.npos || colon <= at + 1)
		throw ConfigFault{fmt::format("spare: '{}' is not UUID@PATH:START", value)};
	spare.path = value.substr(at + 1, colon - at - 1);
	spare.start = number_of("spare", std::string_view(value).substr(colon + 1));
	return spare;
}

uint64_t wait_of(const std::string &text)
{
	const uint64_t seconds = number_of("wait", text);

	if (seconds > ConfiguredSet::longest_wait)
		throw ConfigFault{fmt::format("wait: {} seconds are more than {}", seconds, ConfiguredSet::longest_wait)};
	return seconds;
}

void take(ConfiguredSet &set, const std::string &key, const std::string &value)
{
	if (key == "name")
		set.name = value;
	else if (key == "main")
		set.main = value;
	else if (key == "spare")
		set.spares.push_back(spare_of(value));
	else if (key == "degraded" && value == "dropped")
		set.degraded = Degraded::dropped;
	else if (key == "degraded" && value == "never")
		set.degraded = Degraded::never;
	else if (key == "degraded")
		throw ConfigFault{fmt::format("degraded: '{}' is neither 'dropped' nor 'never'", value)};
	else if (key == "identity")
		set.identity = value;
	else if (key == "disk")
		set.disk = value;
	else if (key == "first")
		set.first = number_of(key, value);
	else if (key == "main_id")
		set.main_id = value;
	else if (key == "read_retries")
		set.read_retries = number_of(key, value);
	else if (key == "wait")
		set.wait = wait_of(value);
	else if (key == "root")
		set.root = yes_or_no(key, value);
	else if (key == "auto")
		set.automatic = yes_or_no(key, value);
	else
		set.others.emplace_back(key, value);
}

// Of a line that may be no good; empty: it has none.
std::string second_word(std::string_view line)
{
	std::string word;

	try {
		if (!next_word(line, word) || !next_word(line, word))
			word.clear();
	} catch (const ConfigFault &) {
		word.clear();
	}
	return word;
}

ConfiguredSet set_of(std::string_view rest)
{
	ConfiguredSet set;
	std::string word;

	if (!next_word(rest, word))
		throw ConfigFault{"the UUID of the set is missing"};
	set.uuid = uuid_of("set", word);
	while (next_word(rest, word)) {
		const auto [key, value] = key_and_value(word);

		take(set, key, value);
	}
	set.comment = rest;
	for (const auto &[key, value] : {std::pair("name", &set.name), std::pair("main", &set.main)})
		if (value->empty())
			throw ConfigFault{fmt::format("'{}=' is missing", key)};
	return set;
}

std::string line_of(const ConfiguredSet &set)
{
	std::string line = fmt::format("set {} name={} main={}", set.uuid, quoted(set.name), quoted(set.main));

	for (const ConfiguredSpare &spare : set.spares)
		line += " spare=" + (spare.path.empty() ? spare.uuid : quoted(fmt::format("{}@{}:{}", spare.uuid, spare.path, spare.start)));
	line += set.degraded == Degraded::never ? " degraded=never" : " degraded=dropped";
	if (!set.identity.empty())
		line += " identity=" + quoted(set.identity);
	if (!set.disk.empty())
		line += " disk=" + quoted(set.disk);
	if (set.first)
		line += fmt::format(" first={}", *set.first);
	if (set.main_id)
		line += " main_id=" + quoted(*set.main_id);
	if (set.read_retries)
		line += fmt::format(" read_retries={}", *set.read_retries);
	if (set.wait)
		line += fmt::format(" wait={}", *set.wait);
	line += set.root ? " root=yes" : "";
	line += set.automatic ? "" : " auto=no";
	for (const auto &[key, value] : set.others)
		line += " " + key + "=" + quoted(value);
	return set.comment.empty() ? line : line + " " + set.comment;
}

[[noreturn]] void refuse(const std::string &path)
{
	throw std::system_error(errno, std::generic_category(), path);
}

} // namespace

bool is_uuid(const std::string &text)
{
	if (text.size() != 36)
		return false;
	for (size_t i = 0; i < text.size(); i++) {
		const bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !std::isxdigit(static_cast<unsigned char>(text[i])))
			return false;
	}
	return true;
}

std::string SetsConfig::default_path()
{
	const char *path = std::getenv("DM_REMAP_CONFIG");

	return path && *path ? path : "/etc/dm-remap/sets.conf";
}

SetsConfig SetsConfig::read(const std::string &path)
{
	return parse(path, config_text(path));
}

SetsConfig SetsConfig::parse(const std::string &path, const std::string &text)
{
	SetsConfig config;

	config.path_ = path;
	for (const std::string &line : config_lines(text))
		config.read_line(line);
	return config;
}

void SetsConfig::read_line(const std::string &line)
{
	std::string_view rest = words_of(line);
	std::string word;

	lines_.push_back(line);
	try {
		if (!next_word(rest, word))
			return;
		if (word != "set")
			throw ConfigFault{fmt::format("'{}' is unknown; a line begins with 'set'", word)};
		ConfiguredSet set = set_of(rest);

		for (const ConfiguredSet &other : sets_)
			if (other.uuid == set.uuid || other.name == set.name)
				throw ConfigFault{fmt::format("line {} has this {} already", other.line, other.uuid == set.uuid ? "set" : "name")};
		set.line = lines_.size();
		sets_.push_back(std::move(set));
	} catch (const ConfigFault &fault) {
		if (const std::string uuid = second_word(line); is_uuid(uuid))
			faulty_sets_.emplace_back(lower(uuid), faults_.size());
		faults_.push_back(fmt::format("{}:{}: {}", path_, lines_.size(), fault.text));
	}
}

const std::string *SetsConfig::fault_of(const std::string &uuid) const
{
	for (const auto &[set, fault] : faulty_sets_)
		if (set == uuid)
			return &faults_[fault];
	return nullptr;
}

const ConfiguredSet *SetsConfig::find(const std::string &name) const
{
	for (const ConfiguredSet &set : sets_)
		if (set.name == name || set.uuid == lower(name))
			return &set;
	return nullptr;
}

void SetsConfig::put(ConfiguredSet set)
{
	const auto same = std::find_if(sets_.begin(), sets_.end(), [&](const ConfiguredSet &known) { return known.uuid == set.uuid; });

	if (same != sets_.end()) {
		set.line = same->line;
		lines_[set.line - 1] = line_of(set);
		*same = std::move(set);
		return;
	}
	lines_.push_back(line_of(set));
	set.line = lines_.size();
	sets_.push_back(std::move(set));
}

void SetsConfig::remove(const std::string &uuid)
{
	const auto gone = std::find_if(sets_.begin(), sets_.end(), [&](const ConfiguredSet &known) { return known.uuid == uuid; });

	if (gone == sets_.end())
		return;
	const size_t line = gone->line;

	lines_.erase(lines_.begin() + static_cast<ptrdiff_t>(line) - 1);
	sets_.erase(gone);
	for (ConfiguredSet &set : sets_)
		set.line -= set.line > line;
}

std::string SetsConfig::text() const
{
	std::string out;

	for (const std::string &line : lines_)
		out += line + "\n";
	return out;
}

// The lock is on the folder: a file that another takes the place of can hold none.
ConfigEdit::ConfigEdit(const std::string &path)
{
	std::error_code ignored;
	const fs::path real = fs::weakly_canonical(path, ignored);

	path_ = real.empty() ? path : real.string();
	const std::string folder = fs::path(path_).parent_path();

	fs::create_directories(folder);
	folder_ = Fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!folder_)
		refuse(folder);
	while (flock(folder_.get(), LOCK_EX))
		if (errno != EINTR)
			refuse(folder);
	config = SetsConfig::read(path_);
	file_.emplace(path_, 0644);
}

void ConfigEdit::commit()
{
	const std::string text = config.text();

	std::fwrite(text.data(), 1, text.size(), file_->file());
	file_->keep();
}

} // namespace dm_remap::tool
