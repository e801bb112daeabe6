// SPDX-License-Identifier: GPL-2.0
#include "files/passage.hh"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace dm_remap::tool {

namespace {

std::vector<std::string> words_of(const std::string &text)
{
	std::istringstream in(text);
	std::vector<std::string> out;

	for (std::string word; in >> word;)
		out.push_back(word);
	return out;
}

// linear: <device> <start>. crypt: <cipher> <key> <iv_offset> <device> <start> [<features>]; also with authentication, where the device is
// dm-integrity's, which is opaque.
size_t place_of_device(const std::string &target)
{
	return target == "linear" ? 0 : target == "crypt" ? 3 : SIZE_MAX;
}

std::optional<uint64_t> start_of(const std::vector<std::string> &words, size_t device)
{
	uint64_t start = 0;

	if (device >= words.size() - 1)
		return {};
	const std::string &word = words[device + 1];
	const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), start);

	return error == std::errc() && end == word.data() + word.size() ? std::optional(start) : std::nullopt;
}

} // namespace

Passages through(const dm::Table &table, const std::string &lower, const Range &range)
{
	Passages out;

	for (const dm::Segment &segment : table) {
		const std::vector<std::string> words = words_of(segment.text);

		if (std::find(words.begin(), words.end(), lower) == words.end())
			continue;
		const size_t device = place_of_device(segment.target);
		const std::optional<uint64_t> start = start_of(words, device);

		if (!start || words[device] != lower) {
			out.opaque = segment.target;
			continue;
		}
		if (const Range part = common(range, {*start, segment.sectors}); part.count)
			out.parts.push_back({part.start, segment.start + (part.start - *start), part.count});
	}
	return out;
}

} // namespace dm_remap::tool
