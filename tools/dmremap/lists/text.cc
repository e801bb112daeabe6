// SPDX-License-Identifier: GPL-2.0
#include "lists/text.hh"

#include "answer.hh"
#include "lists/block_list.hh"

#include <algorithm>
#include <charconv>
#include <dm_remap/format.hh>
#include <limits>

namespace dm_remap::tool {

void BlockList::add(const ListedRun &run)
{
	if (runs.size() == format::max_extents_limit)
		lists::refuse(place(run, run.first), fmt::format("more than {} entries that do not follow each other: no map of remapped blocks holds so many", format::max_extents_limit));
	runs.push_back(run);
}

std::string BlockList::place(const ListedRun &run, uint64_t block) const
{
	return places.empty() ? fmt::format("line {}", run.where + (block_a_line ? block - run.first : 0)) : places[run.where];
}

namespace lists {

namespace {

constexpr std::string_view blanks = " \t\v\f";
constexpr size_t most_quoted = 60;
// The longest that any of these programs writes is ddrescue's own command line.
constexpr size_t most_line = 64 << 10;

std::optional<uint64_t> number(std::string_view word, int base)
{
	uint64_t value = 0;
	const char *const end = word.data() + word.size();
	const auto [stop, error] = std::from_chars(word.data(), end, value, base);

	return error == std::errc() && stop == end && value <= most ? std::optional(value) : std::nullopt;
}

} // namespace

bool Lines::next()
{
	if (rest_.empty())
		return false;
	if (number_ == std::numeric_limits<uint32_t>::max())
		refuse(number_, "more lines than a list can have");
	const size_t end = std::min(rest_.find('\n'), rest_.size());

	line_ = rest_.substr(0, end);
	if (line_.size() > most_line)
		refuse(number_ + 1, fmt::format("more than {} bytes: this is no list", most_line));
	if (line_.ends_with('\r'))
		line_.remove_suffix(1);
	rest_.remove_prefix(std::min(end + 1, rest_.size()));
	number_++;
	return true;
}

std::vector<std::string_view> words(std::string_view line)
{
	std::vector<std::string_view> out;

	for (size_t at = line.find_first_not_of(blanks); at != line.npos; at = line.find_first_not_of(blanks, at)) {
		const size_t end = std::min(line.find_first_of(blanks, at), line.size());

		out.push_back(line.substr(at, end - at));
		at = end;
	}
	return out;
}

std::optional<uint64_t> decimal(std::string_view word)
{
	return number(word, 10);
}

std::optional<uint64_t> number(std::string_view word)
{
	if (word.starts_with("0x") || word.starts_with("0X"))
		return number(word.substr(2), 16);
	return number(word, word.starts_with('0') ? 8 : 10);
}

std::string in_quotes(std::string_view word)
{
	return fmt::format("'{}{}'", shown(word.substr(0, most_quoted)), word.size() > most_quoted ? "…" : "");
}

void refuse(uint32_t line, const std::string &why)
{
	refuse(fmt::format("line {}", line), why);
}

void refuse(const std::string &place, const std::string &why)
{
	throw Failure(ExitStatus::failed, "list", fmt::format("{}: {}", place, why));
}

} // namespace lists

} // namespace dm_remap::tool
