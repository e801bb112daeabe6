// SPDX-License-Identifier: GPL-2.0
// The example of docs/on-disk-format.md is a real one: written here, and compared with the page. With the environment
// variable DMR_PRINT_EXAMPLE set, it is printed, to be pasted there.
#include "metadata_fixture.hh"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace dm_remap::metadata_test {
namespace {

// As hexdump -C has it.
std::string dump(uint64_t at, const void *data, size_t size)
{
	const uint8_t *bytes = static_cast<const uint8_t *>(data);
	std::string out;
	bool squeezed = false;
	char text[32];

	for (size_t i = 0; i < size; i += 16) {
		if (i && i + 16 < size && !std::memcmp(bytes + i, bytes + i - 16, 16)) {
			if (!squeezed)
				out += "*\n";
			squeezed = true;
			continue;
		}
		squeezed = false;
		std::snprintf(text, sizeof(text), "%08llx ", static_cast<unsigned long long>(at + i));
		out += text;
		for (size_t j = 0; j < 16; j++) {
			std::snprintf(text, sizeof(text), j == 8 ? "  %02x" : " %02x", bytes[i + j]);
			out += text;
		}
		out += "  |";
		for (size_t j = 0; j < 16; j++)
			out += bytes[i + j] >= 0x20 && bytes[i + j] < 0x7f ? static_cast<char>(bytes[i + j]) : '.';
		out += "|\n";
	}
	return out;
}

std::string page()
{
	std::string path = __FILE__;
	std::ifstream file(path.substr(0, path.rfind("tests/unit/")) + "docs/on-disk-format.md");
	std::stringstream text;

	text << file.rdbuf();
	return text.str();
}

TEST(MetadataExample, PageShowsWhatIsWritten)
{
	Set set({.sectors = 32768, .start = 2048, .main_sectors = 204800});
	dmr_setup &setup = set.setup();

	for (int i = 0; i < DMR_UUID_SIZE; i++) {
		setup.set_uuid[i] = static_cast<uint8_t>(0xa0 + i);
		setup.branch[i] = static_cast<uint8_t>(0xb0 + i);
		setup.members[0].uuid[i] = static_cast<uint8_t>(0xc0 + i);
	}
	std::strcpy(setup.members[0].identity, "naa.5000c500deadbeef");
	set.format();
	uint64_t first = set.data_blocks();
	ASSERT_EQ(set.append({{5003, first, 1, DMR_RECORD_MAP, 0, 0}, {20480, first + 1, 64, DMR_RECORD_MAP, 0, 0}}), 0);
	ASSERT_EQ(set.append({{1000, 0, 8, DMR_RECORD_PENDING, 0, 0}}), 0);

	const std::string text = page();
	const UnitNumber units[] = {set.layout().superblock(Copy::a), set.layout().log(Copy::a, Slot::one)};

	for (UnitNumber unit : units) {
		format::Unit content = set.read_unit(unit);
		std::string example = dump(set.sector(unit) * 512, &content, sizeof(content));

		if (std::getenv("DMR_PRINT_EXAMPLE"))
			std::printf("unit %llu\n%s\n", unit.print(), example.c_str());
		EXPECT_NE(text.find(example), std::string::npos) << "unit " << unit.value << " is now:\n" << example;
	}
	char layout[200];

	std::snprintf(layout, sizeof(layout), "copy_units = %u, checkpoint_units = %u, log_half_units = %u, max_extents = %llu, data_start = %llu",
		      setup.copy_units, setup.checkpoint_units, setup.log_half_units,
		      static_cast<unsigned long long>(setup.max_extents),
		      static_cast<unsigned long long>(setup.members[0].data_start));
	EXPECT_NE(text.find(layout), std::string::npos) << layout;
}

} // namespace
} // namespace dm_remap::metadata_test
