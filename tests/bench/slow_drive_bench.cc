// SPDX-License-Identifier: GPL-2.0
// How long a request stands still: a drive of 4096-byte physical blocks that takes two seconds for each command that fails and
// 0.1 ms for the others, a spare of 0.1 ms. In the simulator's time, so each run says the same.
//
//	build/host/tests/bench/slow_drive_bench
#include "host/target.hh"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace dm_remap::host;

constexpr uint64_t bad[] = { 1000, 4000, 8000, 9000 };

class Drive final {
public:
	enum class Op { read, write };

	Drive()
	{
		TableOptions table;

		table.main = &main_;
		table.members = { { &spare_, 0, spare_.options().sectors } };
		if (device_.create(table)) {
			std::fprintf(stderr, "slow_drive_bench: %s\n", device_.reason().c_str());
			std::exit(1);
		}
		for (uint64_t sector : bad)
			main_.fail(sector, 8);
	}
	~Drive() { device_.remove(); }

	void row(const char *what, Op op, uint64_t sector, uint32_t sectors)
	{
		std::vector<uint8_t> data(size_t{sectors} * 512);
		const SimDisk::Counts before = main_.counts();
		const uint64_t begun = world_.now();
		const dmr_status status = op == Op::read ? device_.read(sector, data.data(), sectors) :
								    device_.write(sector, data.data(), sectors);
		const SimDisk::Counts &after = main_.counts();

		std::printf("| %-26s | %8llu | %7llu | %6.1f s | %s |\n", what,
			    static_cast<unsigned long long>(after.reads + after.writes - before.reads - before.writes),
			    static_cast<unsigned long long>(after.errors - before.errors),
			    static_cast<double>(world_.now() - begun) / 1e9, status == DMR_STS_OK ? "succeeds" : "fails   ");
	}

private:
	static constexpr uint64_t quick = 100'000, slow = 2'000'000'000;

	World world_{ 1 };
	SimDisk main_{ world_, { .name = "8:0",
				 .sectors = 40960,
				 .physical_block_bytes = 4096,
				 .fails_physically = true,
				 .latency_ns = quick,
				 .latency_spread_ns = 0,
				 .failing_ns = slow } };
	SimDisk spare_{ world_, { .name = "8:16", .sectors = 16384, .latency_ns = quick, .latency_spread_ns = 0 } };
	MappedDevice device_{ "bench" };
};

} // namespace

int main()
{
	Drive drive;
	using Op = Drive::Op;

	std::printf("| request                    | commands | failing | stands still | ends |\n|---|---|---|---|---|\n");
	drive.row("read of 128 KiB", Op::read, 960, 256);
	drive.row("read of 4 KiB on it", Op::read, 9000, 8);
	drive.row("read of 4 KiB, pending", Op::read, 1000, 8);
	drive.row("write of 128 KiB", Op::write, 3960, 256);
	drive.row("write of 4 KiB on it", Op::write, 8000, 8);
	return 0;
}
