// SPDX-License-Identifier: GPL-2.0
// The setup of a dump, field by field.
#ifndef DMREMAP_DOCUMENT_SETUP_HH
#define DMREMAP_DOCUMENT_SETUP_HH

#include "exit_status.hh"

#include <dm_remap/metadata.h>

#include <cstdint>
#include <optional>
#include <string>

namespace dm_remap::tool {

[[noreturn]] void refuse_document(const std::string &path, const std::string &what);

// A scalar of the document.
struct Value {
	enum class Kind : uint8_t { null, number, text, other } kind;
	uint64_t number = 0;
	const std::string *text = nullptr;
};

// Refuse what is none, or more than can be. path: of the value.
uint64_t whole_number(const std::string &path, const Value &value, uint64_t most = UINT64_MAX);
void read_uuid(const std::string &path, const Value &value, uint8_t (&out)[DMR_UUID_SIZE]);

// Keys that are not known are of a later dmremap, and mean nothing to this one.
class SetupReader final {
public:
	explicit SetupReader(dmr_setup &setup) : setup_(setup) {}

	void of_set(const std::string &path, const std::string &key, const Value &value);
	void of_main(const std::string &path, const std::string &key, const Value &value);
	void ancestor(const std::string &path, const Value &value);
	// What this dmremap does not know it cannot keep.
	void feature(const std::string &path, const Value &value);
	void begin_member();
	void of_member(const std::string &path, const std::string &key, const Value &value);
	void end_member(const std::string &path);
	// All of it was there: whether it can be is what the product says of the superblock that would be written.
	void end(const std::string &path) const;

private:
	dmr_setup &setup_;
	dmr_member_entry member_ = {};
	std::optional<uint64_t> number_;
	bool uuid_ = false, branch_ = false, member_uuid_ = false;
};

} // namespace dm_remap::tool

#endif
