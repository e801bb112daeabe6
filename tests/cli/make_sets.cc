// SPDX-License-Identifier: GPL-2.0
// Image files of sets, for the tests of the tool: cli_sets <folder> writes <folder>/<name>/spare0.img, ... and main.img for each of the
// stories that the metadata's fuzzer begins with.
#include "metadata_story.hh"

#include <filesystem>
#include <fstream>

namespace {

using namespace dm_remap;
using namespace dm_remap::fuzz;

constexpr uint32_t part = 2048; // sectors

[[noreturn]] void give_up(const std::string &why)
{
	std::fprintf(stderr, "cli_sets: %s\n", why.c_str());
	std::exit(1);
}

// With holes where it is zero.
void write_image(const host::SimDisk &disk, const std::filesystem::path &path)
{
	std::ofstream file(path, std::ios::binary);
	std::vector<char> data(size_t{part} * format::sector_bytes);
	const uint64_t sectors = disk.options().sectors;

	for (uint64_t at = 0; at < sectors; at += part) {
		const uint32_t n = static_cast<uint32_t>(std::min<uint64_t>(part, sectors - at));

		if (disk.all_zero(at, n))
			continue;
		disk.peek(at, data.data(), n);
		file.seekp(static_cast<std::streamoff>(at * format::sector_bytes));
		file.write(data.data(), static_cast<std::streamsize>(size_t{n} * format::sector_bytes));
	}
	if (!file.flush())
		give_up("cannot write " + path.string());
	file.close();
	std::filesystem::resize_file(path, sectors * format::sector_bytes);
}

void write_stories(const std::filesystem::path &folder)
{
	uint64_t number = 0;

	for (const Seed &seed : seeds()) {
		Story story(seed.spares, seed.flags, 0xa5, ++number);

		seed.tell(story);
		const std::filesystem::path own = folder / seed.name;

		std::filesystem::create_directories(own);
		for (uint32_t i = 0; i < std::max<uint32_t>(seed.spares, 2); i++)
			if (!story.spare(i).all_zero(0, spare_sectors) || i < seed.spares)
				write_image(story.spare(i), own / ("spare" + std::to_string(i) + ".img"));
		write_image(story.main(), own / "main.img");
	}
}

} // namespace

int main(int argc, char **argv)
{
	if (argc != 2) {
		std::fprintf(stderr, "usage: cli_sets <folder>\n");
		return 2;
	}
	write_stories(argv[1]);
	return 0;
}
