// SPDX-License-Identifier: GPL-2.0
#include "files.hh"

#include <cstring>
#include <sstream>
#include <stdexcept>

namespace dm_remap::crash {

namespace {

constexpr uint64_t content_magic = 0x6d64'7273'6172'6863ull;

struct SectorHead {
	uint64_t magic;
	uint32_t file, block, version, sector;
};

void fill_sector(const SectorHead &head, uint8_t *out)
{
	uint64_t x = (uint64_t(head.file) << 40) ^ (uint64_t(head.block) << 24) ^ (uint64_t(head.version) << 4) ^ head.sector;

	std::memcpy(out, &head, sizeof(head));
	for (size_t at = sizeof(head); at < sector_bytes; at += sizeof(x)) {
		x = x * 0xbf58476d1ce4e5b9ull + 0x94d049bb133111ebull;
		const uint64_t word = x ^ x >> 29;
		std::memcpy(out + at, &word, sizeof(word));
	}
}

std::string name_of(uint32_t file, uint32_t block, uint32_t sector)
{
	return "file " + path_of(file) + ", block " + std::to_string(block) + ", sector " + std::to_string(sector);
}

} // namespace

void fill_block(uint32_t file, uint32_t block, uint32_t version, uint8_t *out)
{
	for (uint32_t i = 0; i < block_sectors; i++)
		fill_sector({content_magic, file, block, version, i}, out + i * sector_bytes);
}

std::string path_of(uint32_t file)
{
	// The thread that writes it is in its number.
	return "d" + std::to_string(file / 1'000'000) + "/f" + std::to_string(file);
}

std::vector<Mark> marks_of(const Journal &journal)
{
	const int disk = journal.disk("mark");
	std::vector<Mark> marks;

	for (uint64_t i = 0; i < journal.entries().size(); i++) {
		const Entry &e = journal.entries()[i];

		if (e.disk != disk || e.kind != EntryKind::write)
			continue;
		const auto *text = reinterpret_cast<const char *>(e.data);
		marks.push_back({i, std::string(text, strnlen(text, e.sectors * sector_bytes))});
	}
	return marks;
}

void Expectation::apply(const std::string &mark)
{
	std::istringstream in(mark);
	std::string what;
	uint32_t number = 0, version = 0;

	in >> what >> number >> version;
	if (what == "start") {
		started_ = true;
	} else if (what == "begin") {
		uint32_t first = 0, count = 0;

		in >> first >> count;
		File &file = files_[number];
		if (file.blocks.size() < first + count)
			file.blocks.resize(first + count);
		for (uint32_t b = first; b < first + count; b++)
			file.blocks[b].begun = version;
	} else if (what == "synced") {
		File &file = files_[number];
		std::string extent;

		file.synced = true;
		file.extents.clear();
		for (BlockState &block : file.blocks)
			block.synced = block.begun;
		while (in >> extent) {
			char *end;
			const uint64_t at = std::strtoull(extent.c_str(), &end, 10);

			file.extents.push_back({at, std::strtoull(end + 1, nullptr, 10)});
		}
	} else if (what == "gone") {
		files_.erase(number);
	} else if (what != "bad") {
		throw std::runtime_error("a mark that nobody understands: " + mark);
	}
}

std::string Expectation::check_block(uint32_t file, uint32_t block, const uint8_t *content) const
{
	const BlockState &state = files_.at(file).blocks[block];
	uint8_t expected[block_bytes];

	if (!state.synced)
		return "";
	for (uint32_t i = 0; i < block_sectors; i++) {
		const uint8_t *sector = content + i * sector_bytes;
		SectorHead head;

		std::memcpy(&head, sector, sizeof(head));
		if (head.magic != content_magic) {
			bool zero = true;

			for (size_t b = 0; b < sector_bytes; b++)
				zero = zero && sector[b] == 0;
			return name_of(file, block, i) + (zero ? ": zeroes" : ": not the workload's data");
		}
		if (head.file != file || head.block != block || head.sector != i)
			return name_of(file, block, i) + ": holds " + name_of(head.file, head.block, head.sector);
		if (head.version < state.synced || head.version > state.begun)
			return name_of(file, block, i) + ": version " + std::to_string(head.version) + ", synced was " +
			       std::to_string(state.synced) + ", begun " + std::to_string(state.begun);
		fill_block(file, block, head.version, expected);
		if (std::memcmp(expected + i * sector_bytes, sector, sector_bytes))
			return name_of(file, block, i) + ": torn within the sector";
	}
	return "";
}

std::string Expectation::check_files(const ReadFile &read_file) const
{
	std::vector<uint8_t> content;

	for (const auto &[number, file] : files_) {
		if (!file.synced)
			continue;
		if (!read_file(path_of(number), content))
			return "file " + path_of(number) + ": was synced, and is not there";
		for (uint32_t b = 0; b < file.blocks.size(); b++) {
			if (!file.blocks[b].synced)
				continue;
			if (content.size() < (b + 1) * block_bytes)
				return "file " + path_of(number) + ": ends at byte " + std::to_string(content.size()) + ", block " +
				       std::to_string(b) + " was synced";
			if (std::string wrong = check_block(number, b, &content[b * block_bytes]); !wrong.empty())
				return wrong;
		}
	}
	return "";
}

std::string Expectation::check_extents(const ReadDevice &read_device) const
{
	uint8_t content[block_bytes];

	for (const auto &[number, file] : files_) {
		uint32_t block = 0;

		for (const Extent &extent : file.extents) {
			for (uint64_t at = 0; at + block_bytes <= extent.bytes && block < file.blocks.size(); at += block_bytes) {
				read_device(extent.at + at, content, block_bytes);
				if (std::string wrong = check_block(number, block, content); !wrong.empty())
					return wrong + " (at byte " + std::to_string(extent.at + at) + " of the device)";
				block++;
			}
		}
	}
	return "";
}

} // namespace dm_remap::crash
