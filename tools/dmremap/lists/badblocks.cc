// SPDX-License-Identifier: GPL-2.0
#include "lists/block_list.hh"
#include "lists/text.hh"

#include <fmt/format.h>

namespace dm_remap::tool {

BlockList read_badblocks(std::string_view text)
{
	BlockList list;
	lists::Lines lines(text);

	list.block_a_line = true;
	while (lines.next()) {
		const std::vector<std::string_view> words = lists::words(lines.line());

		if (words.empty())
			continue;
		const std::optional<uint64_t> block = words.size() == 1 ? lists::decimal(words[0]) : std::nullopt;

		if (!block || *block == lists::most)
			lists::refuse(lines.number(), fmt::format("{} is no block number; badblocks writes one a line, in decimal", lists::in_quotes(lines.line())));
		ListedRun *const last = list.runs.empty() ? nullptr : &list.runs.back();

		// It writes them in order: as runs they need little memory, however many there are.
		if (last && last->first + last->count == *block && last->where + last->count == lines.number())
			last->count++;
		else
			list.add({.first = *block, .count = 1, .where = lines.number()});
	}
	return list;
}

} // namespace dm_remap::tool
