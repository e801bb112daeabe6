// SPDX-License-Identifier: GPL-2.0
#include "lists/smart_log.hh"

#include "lists/text.hh"

#include <fmt/format.h>
#include <limits>

namespace dm_remap::tool {

BlockList read_smart(std::string_view text)
{
	const size_t first = text.find_first_not_of(" \t\r\n");

	return first != text.npos && text[first] == '{' ? lists::read_smart_json(text) : lists::read_smart_text(text);
}

namespace lists {

bool of_medium(std::string_view description)
{
	// Uncorrectable, ID not found, address mark not found.
	for (std::string_view word : words(description)) {
		if (word.ends_with(','))
			word.remove_suffix(1);
		if (word == "UNC" || word == "IDNF" || word == "AMNF")
			return true;
	}
	return false;
}

bool of_nvme_medium(uint64_t type, uint64_t code)
{
	constexpr uint64_t media = 2, write_fault = 0x80, unrecovered_read = 0x81;

	return type == media && (code == write_fault || code == unrecovered_read);
}

uint32_t name_space(uint64_t number)
{
	return number < std::numeric_limits<uint32_t>::max() ? static_cast<uint32_t>(number) : 0;
}

void note_unit(BlockList &list, uint64_t bytes, const std::string &place)
{
	if (!is_unit(bytes))
		refuse(place, fmt::format("logical blocks of {} bytes: no disk has such", bytes));
	if (list.unit && *list.unit != bytes)
		refuse(place, fmt::format("logical blocks of {} bytes, and of {} before: this is the output about two drives", bytes, *list.unit));
	list.unit = bytes;
}

} // namespace lists

} // namespace dm_remap::tool
