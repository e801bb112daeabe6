// SPDX-License-Identifier: GPL-2.0
#include "config_words.hh"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <system_error>

namespace dm_remap::tool {

namespace {

bool blank(char c)
{
	return c == ' ' || c == '\t';
}

} // namespace

std::string config_text(const std::string &path)
{
	std::ifstream in(path, std::ios::binary);

	if (!in.is_open() && errno == ENOENT)
		return {};
	if (std::error_code ignored; in.is_open() && std::filesystem::is_directory(path, ignored))
		throw std::system_error(EISDIR, std::generic_category(), path);
	if (!in.is_open())
		throw std::system_error(errno, std::generic_category(), path);
	return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> config_lines(const std::string &text)
{
	std::vector<std::string> lines;

	for (size_t at = 0; at < text.size();) {
		const size_t end = std::min(text.find('\n', at), text.size());

		lines.push_back(text.substr(at, end - at));
		at = end + 1;
	}
	return lines;
}

std::string_view words_of(std::string_view line)
{
	if (line.ends_with('\r'))
		line.remove_suffix(1);
	return line;
}

bool next_word(std::string_view &rest, std::string &word)
{
	while (!rest.empty() && blank(rest.front()))
		rest.remove_prefix(1);
	if (rest.empty() || rest.front() == '#')
		return false;
	word.clear();
	for (bool quoted = false; !rest.empty() || quoted;) {
		if (rest.empty())
			throw ConfigFault{"a quote is not closed"};
		const char c = rest.front();

		if (!quoted && blank(c))
			break;
		rest.remove_prefix(1);
		if (c == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && c == '\\' && !rest.empty()) {
			word += rest.front();
			rest.remove_prefix(1);
			continue;
		}
		word += c;
	}
	return true;
}

std::pair<std::string, std::string> key_and_value(const std::string &word)
{
	const size_t is = word.find('=');

	if (is == word.npos)
		throw ConfigFault{fmt::format("'{}' is not KEY=VALUE", word)};
	return {word.substr(0, is), word.substr(is + 1)};
}

uint64_t number_of(const std::string &key, std::string_view text)
{
	uint64_t value = 0;
	const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);

	if (text.empty() || error != std::errc() || end != text.data() + text.size())
		throw ConfigFault{fmt::format("{}: '{}' is not a number", key, text)};
	return value;
}

bool yes_or_no(const std::string &key, const std::string &text)
{
	if (text != "yes" && text != "no")
		throw ConfigFault{fmt::format("{}: '{}' is neither 'yes' nor 'no'", key, text)};
	return text == "yes";
}

} // namespace dm_remap::tool
