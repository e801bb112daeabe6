// SPDX-License-Identifier: GPL-2.0
// Inputs of fuzz_metadata one after the other, without libFuzzer: metadata_replay <input>... With DMR_FUZZ_TELL in the
// environment it says how each was taken.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		std::ifstream file(argv[i], std::ios::binary);
		const std::vector<uint8_t> input((std::istreambuf_iterator<char>(file)), {});

		if (!file) {
			std::fprintf(stderr, "metadata_replay: cannot read %s\n", argv[i]);
			return 1;
		}
		std::fprintf(stderr, "%s:\n", argv[i]);
		LLVMFuzzerTestOneInput(input.data(), input.size());
	}
	return 0;
}
