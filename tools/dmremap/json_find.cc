// SPDX-License-Identifier: GPL-2.0
#include "json_find.hh"

#include <nlohmann/json.hpp>

namespace dm_remap::tool {

using nlohmann::json;

const json *find(const json &from, std::initializer_list<const char *> keys)
{
	const json *at = &from;

	for (const char *const key : keys) {
		if (!at->is_object())
			return nullptr;
		const auto found = at->find(key);

		if (found == at->end())
			return nullptr;
		at = &*found;
	}
	return at;
}

std::optional<uint64_t> find_number(const json &from, std::initializer_list<const char *> keys)
{
	const json *const value = find(from, keys);

	return value && value->is_number_unsigned() ? std::optional(value->get<uint64_t>()) : std::nullopt;
}

std::optional<bool> find_bool(const json &from, std::initializer_list<const char *> keys)
{
	const json *const value = find(from, keys);

	return value && value->is_boolean() ? std::optional(value->get<bool>()) : std::nullopt;
}

std::optional<std::string> find_text(const json &from, std::initializer_list<const char *> keys)
{
	const json *const value = find(from, keys);

	return value && value->is_string() ? std::optional(value->get<std::string>()) : std::nullopt;
}

} // namespace dm_remap::tool
