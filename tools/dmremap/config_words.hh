// SPDX-License-Identifier: GPL-2.0
// What the files in /etc/dm-remap have in common: lines of words, some of them KEY=VALUE, with quotes and comments.
#ifndef DMREMAP_CONFIG_WORDS_HH
#define DMREMAP_CONFIG_WORDS_HH

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dm_remap::tool {

// Why a line is not understood.
struct ConfigFault {
	std::string text;
};

// The file's bytes; none if it is not there. Throws std::system_error.
std::string config_text(const std::string &path);
// Without what ends them.
std::vector<std::string> config_lines(const std::string &text);
// Of a file that an editor of another system has written, a line without what is left of its end.
std::string_view words_of(std::string_view line);
// Takes the next word off, with its quotes. False at the end of the line, or at a comment, which is left in `rest`. Throws ConfigFault.
bool next_word(std::string_view &rest, std::string &word);
// KEY=VALUE. Throws ConfigFault: it is not.
std::pair<std::string, std::string> key_and_value(const std::string &word);
// What a key's value says. Both throw ConfigFault.
uint64_t number_of(const std::string &key, std::string_view text);
bool yes_or_no(const std::string &key, const std::string &text);

} // namespace dm_remap::tool

#endif
