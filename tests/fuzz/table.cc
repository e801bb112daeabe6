// SPDX-License-Identifier: GPL-2.0
// Table lines. What is accepted lies within its limits, and printed and parsed again it is the same.
#include "argv.hh"

#include <dm_remap/engine.h>

#include <cerrno>

namespace {

using namespace dm_remap::fuzz;

constexpr uint64_t max_sectors = (uint64_t(1) << 54) - 1;

std::string number(uint64_t n)
{
	return " " + std::to_string(n);
}

std::string range_of(const dmr_table_member &member)
{
	return (member.path ? member.path : "-") + number(member.start) + number(member.sectors);
}

// As `dmsetup table` would, with `force`, `format` and `new_main` besides.
std::string print(const dmr_table &table)
{
	std::string features;
	unsigned int words = 0;
	const auto add = [&](const std::string &text, unsigned int n) {
		features += " " + text;
		words += n;
	};

	for (uint32_t i = 1; i < table.member_count; i++)
		add("spare " + range_of(table.members[i]), 4);
	if (table.degraded)
		add("degraded", 1);
	if (table.force)
		add("force", 1);
	if (table.format)
		add("format", 1);
	if (table.main_id)
		add(std::string("main_id ") + table.main_id, 2);
	if (table.new_main)
		add("new_main", 1);
	if (table.max_extents)
		add("max_extents" + number(table.max_extents), 2);
	if (table.read_retries_given)
		add("read_retries" + number(table.read_retries), 2);
	return std::string(table.main_path) + " " + range_of(table.members[0]) + number(words) + features;
}

bool same_path(const char *a, const char *b)
{
	return a && b ? !std::strcmp(a, b) : a == b;
}

void check_limits(const dmr_table &table, const Argv &argv)
{
	DMR_CHECK(table.main_path && argv.owns(table.main_path));
	DMR_CHECK(std::strcmp(table.main_path, "") && std::strcmp(table.main_path, "-"));
	DMR_CHECK(table.member_count >= 1 && table.member_count <= DMR_MAX_MEMBERS);
	for (uint32_t i = 0; i < DMR_MAX_MEMBERS; i++) {
		const dmr_table_member &member = table.members[i];

		DMR_CHECK(argv.owns(member.path));
		DMR_CHECK(!member.path || (std::strcmp(member.path, "") && std::strcmp(member.path, "-")));
		DMR_CHECK(member.start <= max_sectors && member.sectors <= max_sectors - member.start);
		DMR_CHECK(!member.path || member.sectors);
		DMR_CHECK(i < table.member_count || (!member.path && !member.start && !member.sectors));
	}
	DMR_CHECK(argv.owns(table.main_id));
	if (table.main_id) {
		const size_t length = std::strlen(table.main_id);

		DMR_CHECK(length > 0 && length < DMR_IDENTITY_SIZE);
		for (size_t i = 0; i < length; i++)
			DMR_CHECK(table.main_id[i] > ' ' && table.main_id[i] < 0x7f && table.main_id[i] != '\\');
	}
	DMR_CHECK(table.max_extents <= 16777216);
	DMR_CHECK(table.read_retries <= DMR_READ_RETRIES_MAX);
	DMR_CHECK(table.read_retries_given || table.read_retries == DMR_READ_RETRIES_DEFAULT);
	DMR_CHECK(table.degraded || !table.force);
}

void check_same(const dmr_table &a, const dmr_table &b)
{
	DMR_CHECK(same_path(a.main_path, b.main_path) && a.member_count == b.member_count);
	for (uint32_t i = 0; i < a.member_count; i++) {
		DMR_CHECK(same_path(a.members[i].path, b.members[i].path));
		DMR_CHECK(a.members[i].start == b.members[i].start && a.members[i].sectors == b.members[i].sectors);
	}
	DMR_CHECK(a.max_extents == b.max_extents && a.read_retries == b.read_retries);
	DMR_CHECK(a.read_retries_given == b.read_retries_given && a.format == b.format);
	DMR_CHECK(a.degraded == b.degraded && a.force == b.force);
	DMR_CHECK(same_path(a.main_id, b.main_id) && a.new_main == b.new_main);
}

// Whether it was accepted.
bool parse(Argv &argv, dmr_table &table)
{
	Reason reason;

	std::memset(&table, 0xee, sizeof(table));
	const int result = dmr_table_parse(argv.count(), argv.words(), &table, reason.buffer());
	DMR_CHECK(result == 0 || result == -EINVAL);
	reason.check(result != 0);
	DMR_CHECK(argv.unchanged());
	return result == 0;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Argv argv(std::string(reinterpret_cast<const char *>(data), size));
	dmr_table table;

	if (!parse(argv, table))
		return 0;
	check_limits(table, argv);

	Argv printed(print(table) + "\n");
	dmr_table again;
	DMR_CHECK(parse(printed, again));
	check_same(table, again);
	return 0;
}
