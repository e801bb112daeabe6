// SPDX-License-Identifier: GPL-2.0
// What may be in a document that another program has written, and may not: nothing here throws.
#ifndef DMREMAP_JSON_FIND_HH
#define DMREMAP_JSON_FIND_HH

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace dm_remap::tool {

// Down from one object to the next by these keys. Null: one of them is not there, or what has it is no object.
const nlohmann::json *find(const nlohmann::json &from, std::initializer_list<const char *> keys);

// The same; no value, too, if it is of another kind. A number is one from 0 on.
std::optional<uint64_t> find_number(const nlohmann::json &from, std::initializer_list<const char *> keys);
std::optional<bool> find_bool(const nlohmann::json &from, std::initializer_list<const char *> keys);
std::optional<std::string> find_text(const nlohmann::json &from, std::initializer_list<const char *> keys);

} // namespace dm_remap::tool

#endif
