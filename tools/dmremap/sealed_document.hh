// SPDX-License-Identifier: GPL-2.0
// A JSON document of the tool's own, with a checksum: what is read of it is what was written, or it is refused.
#ifndef DMREMAP_SEALED_DOCUMENT_HH
#define DMREMAP_SEALED_DOCUMENT_HH

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace dm_remap::tool {

// Of what kind documents are, and below which key their content is.
struct SealedKind {
	const char *name;
	int version;
	const char *key;

	// What each of them begins with.
	std::string begin() const;
};

// what(): why it is refused.
class BrokenSeal final : public std::runtime_error {
public:
	using std::runtime_error::runtime_error;
};

std::string sealed(const SealedKind &kind, const nlohmann::ordered_json &content);
// The content. Throws BrokenSeal.
nlohmann::ordered_json unsealed(const SealedKind &kind, const std::string &text);

} // namespace dm_remap::tool

#endif
