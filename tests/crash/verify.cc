// SPDX-License-Identifier: GPL-2.0
// dmr_crash_verify: in the virtual machine, are the files there that had been synced?
//
//	dmr_crash_verify <marks> <cut> <mount point>
//
// marks: "<position> <text>" lines, as dmr_crash_check --plan writes them.
#include "files.hh"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace dm_remap::crash {

namespace {

int run(int argc, char **argv)
{
	Expectation expectation;
	std::string text;
	uint64_t position;
	size_t synced = 0;

	if (argc != 4) {
		std::fprintf(stderr, "usage: %s MARKS CUT MOUNT-POINT\n", argv[0]);
		return 2;
	}
	std::ifstream in(argv[1]);
	while (in >> position && in.ignore() && std::getline(in, text)) {
		if (position < std::strtoull(argv[2], nullptr, 10))
			expectation.apply(text);
	}
	for (const auto &[number, file] : expectation.files())
		synced += file.synced;
	const std::string wrong = expectation.check_files([&](const std::string &path, std::vector<uint8_t> &content) {
		std::ifstream file(std::string(argv[3]) + "/" + path, std::ios::binary);

		content.assign(std::istreambuf_iterator<char>(file), {});
		return file.good() || file.eof();
	});
	std::printf("%s\n", wrong.empty() ? ("files=" + std::to_string(synced)).c_str() : wrong.c_str());
	return wrong.empty() ? 0 : 1;
}

} // namespace

} // namespace dm_remap::crash

int main(int argc, char **argv)
{
	return dm_remap::crash::run(argc, argv);
}
