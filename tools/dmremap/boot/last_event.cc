// SPDX-License-Identifier: GPL-2.0
#include "boot/last_event.hh"

#include "boot/run_dir.hh"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fmt/format.h>

namespace dm_remap::tool {

void note_event(const std::string &set, const std::string &name)
{
	run_dir::write(run_dir::Note::event, set, fmt::format("{} {}\n", std::time(nullptr), name));
}

std::optional<LastEvent> last_event(const std::string &set)
{
	const std::string text = run_dir::read(run_dir::Note::event, set).value_or("");
	const char *const end = text.data() + text.size();
	LastEvent out;
	const auto [at, error] = std::from_chars(text.data(), end, out.time);

	if (error != std::errc() || at == end || *at != ' ')
		return {};
	out.name = text.substr(static_cast<size_t>(at + 1 - text.data()));
	out.name.resize(std::min(out.name.find('\n'), out.name.size()));
	return out;
}

} // namespace dm_remap::tool
