// SPDX-License-Identifier: GPL-2.0
#include "sealed_document.hh"

#include <dm_remap/kernel_api.h>
#include <fmt/format.h>

namespace dm_remap::tool {

using nlohmann::ordered_json;

namespace {

std::string words_of(const ordered_json &content)
{
	return content.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

} // namespace

std::string SealedKind::begin() const
{
	return fmt::format("{{\"kind\":\"{}\"", name);
}

std::string sealed(const SealedKind &kind, const ordered_json &content)
{
	const std::string words = words_of(content);

	return fmt::format("{},\"version\":{},\"crc32c\":{},\n\"{}\":{}}}\n", kind.begin(), kind.version, dmr_crc32c(0, words.data(), words.size()), kind.key, words);
}

ordered_json unsealed(const SealedKind &kind, const std::string &text)
{
	const ordered_json document = ordered_json::parse(text, nullptr, false);

	if (document.is_discarded())
		throw BrokenSeal("it is no JSON");
	try {
		if (document.at("kind") != kind.name || document.at("version") != kind.version)
			throw BrokenSeal("it is another document, or of another version of dmremap");
		const ordered_json &content = document.at(kind.key);
		const std::string words = words_of(content);

		if (document.at("crc32c") != dmr_crc32c(0, words.data(), words.size()))
			throw BrokenSeal("its checksum is wrong");
		return content;
	} catch (const ordered_json::exception &error) {
		throw BrokenSeal(error.what());
	}
}

} // namespace dm_remap::tool
