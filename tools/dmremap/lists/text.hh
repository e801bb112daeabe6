// SPDX-License-Identifier: GPL-2.0
// Lines, words and numbers of a list.
#ifndef DMREMAP_LISTS_TEXT_HH
#define DMREMAP_LISTS_TEXT_HH

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dm_remap::tool::lists {

// No number of a block, and no sum of two, is larger.
inline constexpr uint64_t most = (uint64_t{1} << 63) - 1;

class Lines final {
public:
	explicit Lines(std::string_view text) : rest_(text) {}

	// Throws Failure: there are more lines than can be counted.
	bool next();
	// Without its end, be it of Unix or of Windows.
	std::string_view line() const { return line_; }
	uint32_t number() const { return number_; }

private:
	std::string_view rest_, line_;
	uint32_t number_ = 0;
};

// What blanks separate.
std::vector<std::string_view> words(std::string_view line);

// What a word in base 10 is, or in that which it begins with, as in C++. No value: it is no number, or a larger one than `most`.
std::optional<uint64_t> decimal(std::string_view word);
std::optional<uint64_t> number(std::string_view word);

// A word of the list in a sentence: printable, and not too long.
std::string in_quotes(std::string_view word);

// Failure "list".
[[noreturn]] void refuse(uint32_t line, const std::string &why);
[[noreturn]] void refuse(const std::string &place, const std::string &why);

} // namespace dm_remap::tool::lists

#endif
