// SPDX-License-Identifier: GPL-2.0
#include "trace_lines.hh"

#include <algorithm>
#include <charconv>

namespace dm_remap::tool {

namespace {

class Words final {
public:
	explicit Words(std::string_view text) : rest_(text) {}

	std::string_view next()
	{
		const std::string_view word = rest_.substr(0, rest_.find_first_of(" \n"));

		rest_.remove_prefix(std::min(rest_.size(), word.size() + 1));
		return word;
	}
	bool number(uint64_t &out)
	{
		const std::string_view word = next();
		const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);

		return error == std::errc() && end == word.data() + word.size();
	}

private:
	std::string_view rest_;
};

} // namespace

std::optional<std::vector<SectorRange>> parse_trace(std::string_view text)
{
	constexpr std::string_view event = " block_bio_", names[] = {"queue: ", "remap: "};
	std::vector<SectorRange> out;

	// As in "CPU:0 [LOST 12 EVENTS]": a line of its own.
	if (text.find(" EVENTS]\n") != text.npos)
		return {};
	for (size_t at = 0; (at = text.find(event, at)) != text.npos;) {
		at += event.size();
		bool known = false;

		for (const std::string_view name : names)
			known |= text.substr(at).starts_with(name);
		if (!known)
			return {};
		// "block_bio_queue: 254,0 WS 1234 + 8 [task]"
		Words words(text.substr(at + names[0].size()));
		SectorRange range;

		words.next();
		words.next();
		if (!words.number(range.start) || words.next() != "+" || !words.number(range.sectors))
			return {};
		if (range.sectors)
			out.push_back(range);
	}
	return out;
}

} // namespace dm_remap::tool
