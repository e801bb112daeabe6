// SPDX-License-Identifier: GPL-2.0
// Writes what the all_stats of some devices would be to stdout, for promtool_check.sh.
// usage: promtool_sample [<size> [<name>...]]
#include <dm_remap/stats.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char **argv)
{
	const size_t size = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4096;
	std::vector<dmr_snapshot> devices;
	std::vector<char> buf(size);

	for (int i = 2; i < argc; i++) {
		dmr_snapshot s = {};
		uint64_t n = 1000u + static_cast<uint64_t>(i);

		std::snprintf(s.name, sizeof(s.name), "%s", argv[i]);
		// Every number of the structure gets a value of its own.
		for (uint64_t *p = &s.reads; p <= &s.main_sectors; p++)
			*p = n *= 3;
		s.health = 73;
		devices.push_back(s);
	}
	const int n = dmr_stats_prometheus(devices.data(), static_cast<uint32_t>(devices.size()), buf.data(), size);
	return std::fwrite(buf.data(), 1, static_cast<size_t>(n), stdout) == static_cast<size_t>(n) ? 0 : 1;
}
