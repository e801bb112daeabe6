// SPDX-License-Identifier: GPL-2.0
// The mapfile of ddrescue, as its manual has it ("Mapfile structure"). Like ddrescue, this takes it as a whole or not at all: a file with
// a gap was cut, or put together from two, and what it says of the rest is not to be relied on.
#include "lists/block_list.hh"
#include "lists/text.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

constexpr std::string_view phases = "?*/-FG+", states = "?*/-+";

// '#' begins a comment where a word could.
std::string_view without_comment(std::string_view line)
{
	for (size_t at = line.find('#'); at != line.npos; at = line.find('#', at + 1))
		if (!at || line[at - 1] == ' ' || line[at - 1] == '\t')
			return line.substr(0, at);
	return line;
}

bool is_one_of(std::string_view word, std::string_view letters)
{
	return word.size() == 1 && letters.find(word[0]) != letters.npos;
}

bool is_status(const std::vector<std::string_view> &words)
{
	const bool pass = words.size() != 3 || lists::decimal(words[2]).value_or(0) > 0;

	// Older ones do not count passes.
	return (words.size() == 2 || words.size() == 3) && lists::number(words[0]) && is_one_of(words[1], phases) && pass;
}

class Reader final {
public:
	explicit Reader(Mapped which) : wanted_(which == Mapped::failed ? "-*/" : "-") {}

	void line(uint32_t number, std::string_view line)
	{
		const std::vector<std::string_view> words = lists::words(without_comment(line));

		if (words.empty())
			return;
		if (status_)
			return block(number, line, words);
		if (!is_status(words))
			lists::refuse(number, fmt::format("{} is not the status line of a mapfile, which has a position, one of {}, and a pass", lists::in_quotes(line),
							  phases));
		status_ = true;
	}

	BlockList take()
	{
		if (!status_)
			lists::refuse("at its end", "there is no status line: this is no mapfile of ddrescue, or it was cut off");
		list_.unit = 1;
		return std::move(list_);
	}

private:
	void block(uint32_t number, std::string_view line, const std::vector<std::string_view> &words)
	{
		const std::optional<uint64_t> start = words.size() == 3 ? lists::number(words[0]) : std::nullopt,
					      size = words.size() == 3 ? lists::number(words[1]) : std::nullopt;

		if (!start || !size || !*size || *size > lists::most - *start || !is_one_of(words[2], states))
			lists::refuse(number, fmt::format("{} is no block of a mapfile, which has a position and a size in bytes, and one of {}", lists::in_quotes(line),
							  states));
		if (any_ && *start != end_)
			lists::refuse(number, fmt::format("the block begins at {}, and the one before it ends at {}: ddrescue leaves no gap, so this file was cut or changed",
							  *start, end_));
		any_ = true;
		end_ = *start + *size;
		if (is_one_of(words[2], wanted_))
			list_.add({.first = *start, .count = *size, .where = number});
	}

	std::string_view wanted_;
	bool status_ = false, any_ = false;
	uint64_t end_ = 0;
	BlockList list_;
};

} // namespace

BlockList read_ddrescue(std::string_view text, Mapped which)
{
	Reader reader(which);
	lists::Lines lines(text);

	while (lines.next())
		reader.line(lines.number(), lines.line());
	return reader.take();
}

} // namespace dm_remap::tool
