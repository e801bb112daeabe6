// SPDX-License-Identifier: GPL-2.0
// In a file of its own: this header takes seconds to compile.
#include "json_writer.hh"

#include <nlohmann/json.hpp>

namespace dm_remap::tool {

std::string json_text(std::string_view text)
{
	return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string as_utf8(std::string_view text)
{
	return nlohmann::json::parse(json_text(text)).get<std::string>();
}

} // namespace dm_remap::tool
