// SPDX-License-Identifier: GPL-2.0
#include "document_setup.hh"

#include "setup_text.hh"

#include "metadata/codec.hh"

#include <dm_remap/lineage.hh>

#include <algorithm>
#include <fmt/format.h>
#include <memory>

namespace dm_remap::tool {

void refuse_document(const std::string &path, const std::string &what)
{
	throw Failure(ExitStatus::failed, "document", fmt::format("{}: {}", path, what));
}

uint64_t whole_number(const std::string &path, const Value &value, uint64_t most)
{
	if (value.kind != Value::Kind::number)
		refuse_document(path, "not a whole number");
	if (value.number > most)
		refuse_document(path, fmt::format("{} is more than can be, which is {}", value.number, most));
	return value.number;
}

void read_uuid(const std::string &path, const Value &value, uint8_t (&out)[DMR_UUID_SIZE])
{
	const std::string digits = "0123456789abcdef";
	size_t n = 0;

	if (value.kind != Value::Kind::text || value.text->size() != 36)
		refuse_document(path, "not a UUID");
	for (size_t i = 0; i < value.text->size(); i++) {
		const char c = (*value.text)[i];
		const size_t digit = digits.find(c);

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				refuse_document(path, "not a UUID");
			continue;
		}
		if (digit == digits.npos)
			refuse_document(path, "not a UUID");
		out[n / 2] = static_cast<uint8_t>(n % 2 ? out[n / 2] | digit : digit << 4);
		n++;
	}
}

namespace {

template <size_t size>
void read_text(const std::string &path, const Value &value, char (&out)[size])
{
	if (value.kind == Value::Kind::null)
		return;
	if (value.kind != Value::Kind::text)
		refuse_document(path, "not a text");
	if (value.text->size() >= size || value.text->find('\0') != std::string::npos)
		refuse_document(path, fmt::format("longer than {} bytes, or with a zero byte in it", size - 1));
	value.text->copy(out, size - 1);
}

void require(const std::string &path, bool there, const char *what)
{
	if (!there)
		refuse_document(path, fmt::format("{} is missing", what));
}

} // namespace

void SetupReader::ancestor(const std::string &path, const Value &value)
{
	if (setup_.ancestor_count == DMR_MAX_ANCESTORS)
		refuse_document(path, fmt::format("more than {} of them", int{DMR_MAX_ANCESTORS}));
	read_uuid(path, value, setup_.ancestors[setup_.ancestor_count++]);
}

void SetupReader::feature(const std::string &path, const Value &value)
{
	const bool lost = value.kind == Value::Kind::text && *value.text == lost_feature;

	if (!lost && (value.kind != Value::Kind::text || *value.text != guard_feature))
		refuse_document(path, "a feature that this dmremap does not know");
	setup_.features |= lost ? DMR_FEATURE_LOST : DMR_FEATURE_GUARD;
}

void SetupReader::begin_member()
{
	member_ = {};
	member_uuid_ = false;
	number_.reset();
}

void SetupReader::of_set(const std::string &path, const std::string &key, const Value &value)
{
	const std::pair<const char *, uint32_t *> small[] = {
		{"copy_units", &setup_.copy_units},
		{"checkpoint_units", &setup_.checkpoint_units},
		{"log_half_units", &setup_.log_half_units},
		{"read_retries", &setup_.read_retries},
	};

	for (const auto &[name, out] : small)
		if (key == name)
			*out = static_cast<uint32_t>(whole_number(path, value, UINT32_MAX));
	if (key == "uuid")
		read_uuid(path, value, setup_.set_uuid), uuid_ = true;
	else if (key == "branch")
		read_uuid(path, value, setup_.branch), branch_ = true;
	else if (key == "name")
		read_text(path, value, setup_.name);
	else if (key == "setup_generation")
		setup_.generation = whole_number(path, value, format::max_start_generation);
	else if (key == "created")
		setup_.created = whole_number(path, value);
	else if (key == "max_extents")
		setup_.max_extents = whole_number(path, value, format::max_extents_limit);
}

void SetupReader::of_main(const std::string &path, const std::string &key, const Value &value)
{
	dmr_main_identity &main = setup_.main;

	if (key == "sectors")
		main.sectors = whole_number(path, value, format::max_sectors);
	else if (key == "block_bytes")
		main.block_bytes = static_cast<uint32_t>(whole_number(path, value, UINT32_MAX));
	else if (key == "identity")
		read_text(path, value, main.identity);
	else if (key == "disk")
		read_text(path, value, main.disk);
	else if (key == "main_id")
		read_text(path, value, main.id);
	else if (key == "uuid" && value.kind != Value::Kind::null)
		read_uuid(path, value, setup_.main_uuid);
}

void SetupReader::of_member(const std::string &path, const std::string &key, const Value &value)
{
	if (key == "number")
		number_ = whole_number(path, value, DMR_MAX_MEMBERS - 1);
	else if (key == "uuid")
		read_uuid(path, value, member_.uuid), member_uuid_ = true;
	else if (key == "sectors")
		member_.sectors = whole_number(path, value, format::max_sectors);
	else if (key == "data_start")
		member_.data_start = whole_number(path, value, format::max_sectors);
	else if (key == "unit_bytes")
		member_.unit_bytes = static_cast<uint32_t>(whole_number(path, value, UINT32_MAX));
	else if (key == "identity")
		read_text(path, value, member_.identity);
	else if (key == "state") {
		if (value.kind != Value::Kind::text || (*value.text != "active" && *value.text != "dropped"))
			refuse_document(path, "neither active nor dropped");
		member_.state = *value.text == "active" ? DMR_MEMBER_ACTIVE : DMR_MEMBER_DROPPED;
	}
}

void SetupReader::end_member(const std::string &path)
{
	require(path, number_.has_value(), "number");
	require(path, member_uuid_, "uuid");
	require(path, member_.state != DMR_MEMBER_ABSENT, "state");
	dmr_member_entry &slot = setup_.members[*number_];

	if (slot.state != DMR_MEMBER_ABSENT)
		refuse_document(path + ".number", "is there twice");
	for (const dmr_member_entry &other : setup_.members)
		if (other.state != DMR_MEMBER_ABSENT && same_uuid(other.uuid, member_.uuid))
			refuse_document(path + ".uuid", "is that of another member");
	slot = member_;
	setup_.member_count = std::max(setup_.member_count, static_cast<uint32_t>(*number_ + 1));
}

// Whether it can be one is what the product says of the superblock that would be written.
void SetupReader::end(const std::string &path) const
{
	const auto scratch = std::make_unique<format::Superblock>();
	const auto decoded = std::make_unique<dmr_setup>();
	bool any = false;

	require(path, uuid_, "uuid");
	require(path, branch_, "branch");
	require(path + ".main", !(setup_.features & DMR_FEATURE_GUARD) || !metadata::all_zero(setup_.main_uuid, sizeof(setup_.main_uuid)), "uuid");
	for (uint32_t i = 0; i < setup_.member_count; i++) {
		format::Unit unit;

		if (setup_.members[i].state != DMR_MEMBER_ACTIVE)
			continue;
		any = true;
		metadata::encode_superblock(setup_, i, *scratch, unit);
		metadata::seal(unit,
			       {setup_.set_uuid, setup_.members[i].uuid, format::Kind::superblock, format::Copy::a, metadata::UnitNumber(0)},
			       {Generation(setup_.generation), Generation(0)});
		if (metadata::decode_superblock(unit, *scratch, *decoded) != metadata::SuperblockState::good)
			refuse_document(path, fmt::format("its fields contradict each other, or are not possible, for member {}", i));
	}
	if (!any)
		refuse_document(path + ".members", "none of them is active");
}

} // namespace dm_remap::tool
