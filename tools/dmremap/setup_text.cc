// SPDX-License-Identifier: GPL-2.0
#include "setup_text.hh"

#include "set_reader.hh"

namespace dm_remap::tool {

std::optional<std::string> known(const char *text)
{
	return *text ? std::optional<std::string>(text) : std::nullopt;
}

std::string main_text(const dmr_main_identity &main)
{
	std::string out = shown(main.identity);

	// A whole disk is its own.
	if (main.disk[0] && std::string_view(main.disk) != main.identity)
		out += fmt::format("{}on disk {}", out.empty() ? "" : " ", shown(main.disk));
	if (main.id[0])
		out += fmt::format("{}main_id {}", out.empty() ? "" : ", ", shown(main.id));
	return out;
}

void write_setup(JsonWriter &out, const dmr_setup &setup)
{
	out.value("uuid", uuid_text(setup.set_uuid));
	out.value("name", known(setup.name));
	out.value("branch", uuid_text(setup.branch));
	out.begin_array("ancestors");
	for (uint32_t i = 0; i < setup.ancestor_count; i++)
		out.value({}, uuid_text(setup.ancestors[i]));
	out.end();
	out.begin_array("features", JsonWriter::Style::compact);
	if (setup.features & DMR_FEATURE_LOST)
		out.value({}, lost_feature);
	if (setup.features & DMR_FEATURE_GUARD)
		out.value({}, guard_feature);
	out.end();
	out.value("setup_generation", setup.generation);
	out.value("created", setup.created);
	out.value("max_extents", setup.max_extents);
	out.value("copy_units", setup.copy_units);
	out.value("checkpoint_units", setup.checkpoint_units);
	out.value("log_half_units", setup.log_half_units);
	out.value("read_retries", setup.read_retries);
	out.begin_object("main", JsonWriter::Style::compact);
	out.value("sectors", setup.main.sectors);
	out.value("block_bytes", setup.main.block_bytes);
	out.value("identity", known(setup.main.identity));
	out.value("disk", known(setup.main.disk));
	out.value("main_id", known(setup.main.id));
	out.value("uuid", setup.features & DMR_FEATURE_GUARD ? std::optional(uuid_text(setup.main_uuid)) : std::nullopt);
	out.end();
	out.begin_array("members");
	for (uint32_t i = 0; i < setup.member_count; i++) {
		const dmr_member_entry &entry = setup.members[i];

		if (entry.state == DMR_MEMBER_ABSENT)
			continue;
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("number", i);
		out.value("uuid", uuid_text(entry.uuid));
		out.value("state", state_text(entry.state));
		out.value("sectors", entry.sectors);
		out.value("data_start", entry.data_start);
		out.value("unit_bytes", entry.unit_bytes);
		out.value("identity", known(entry.identity));
		out.end();
	}
	out.end();
}

} // namespace dm_remap::tool
