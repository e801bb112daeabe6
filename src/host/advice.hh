// SPDX-License-Identifier: GPL-2.0
// What is true of every refusal: it says how to keep what is there before it says how to lose it.
#ifndef DMR_HOST_ADVICE_HH
#define DMR_HOST_ADVICE_HH

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace dm_remap::host {

// Where the first of these stands in the text, or npos.
inline size_t first_of(std::string_view text, std::initializer_list<std::string_view> phrases)
{
	size_t first = std::string_view::npos;

	for (std::string_view phrase : phrases)
		first = std::min(first, text.find(phrase));
	return first;
}

// True for a text that gives no destructive advice, or something better first.
inline bool keeps_before_it_loses(std::string_view text)
{
	const size_t loses = first_of(text, {"blkdiscard", "wipe", "add 'format'", "argument 'format'", "with 'format'", "'force'",
					     "blank it", "blank one", "blank the", "replace it", "replace the"});
	const size_t keeps = first_of(text, {"name ", "to keep ", "choose another", "leave it out", "copy the", "image of it", "save ",
					     "add_spare", "holds nothing"});

	return loses == std::string_view::npos || keeps < loses;
}

} // namespace dm_remap::host

#endif
