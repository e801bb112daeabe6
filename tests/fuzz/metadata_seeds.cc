// SPDX-License-Identifier: GPL-2.0
// The seeds of fuzz_metadata, as the engine itself wrote them: metadata_seeds <folder>.
#include "metadata_story.hh"

#include <cstdio>
#include <fstream>
#include <string>

using namespace dm_remap::fuzz;

// A power cut leaves what a fiber's stack pointed to.
extern "C" const char *__asan_default_options()
{
	return "detect_stack_use_after_return=0:detect_leaks=0";
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		std::fprintf(stderr, "usage: metadata_seeds <folder>\n");
		return 2;
	}
	for (const Seed &seed : seeds()) {
		Story story(seed.spares, seed.flags);

		seed.tell(story);
		Image image = story.image();
		// Some writes more after it was loaded.
		image.table.writes = 3;
		image.table.where = 100;
		const Bytes bytes = image.serialize();
		std::ofstream file(std::string(argv[1]) + "/" + seed.name, std::ios::binary);

		file.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
		if (!file.flush()) {
			std::fprintf(stderr, "metadata_seeds: cannot write %s/%s\n", argv[1], seed.name);
			return 1;
		}
		std::printf("%-20s %zu bytes\n", seed.name, bytes.size());
	}
	return 0;
}
