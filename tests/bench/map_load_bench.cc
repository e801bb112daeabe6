// SPDX-License-Identifier: GPL-2.0
// What a start costs with many extents: reading the map, checking it, and building index and allocator from it, against
// the checksums of the same bytes alone. Disks without latency: what is measured is the processor's part.
//
//	build/host/tests/bench/map_load_bench
//
// load/n: one load of n extents. Its counters: per_crc, its processor time in units of the time that the CRC-32C of one
// copy of the checkpoint takes (a load reads and checks both copies, the first of them twice); index_bytes_per_extent.
#include "core/map/durable_map.hh"
#include "host/target.hh"

#include <benchmark/benchmark.h>

#include <ctime>
#include <memory>
#include <vector>

extern "C" {
extern const dmr_metadata_ops dmr_metadata_operations;
extern const dmr_spare_pool_ops dmr_spare_pool_operations;
}

namespace {

using namespace dm_remap;
using namespace dm_remap::host;

constexpr uint64_t spare_sectors = 8u << 20;

// A set with n extents of one block, none of which continues another.
class Fixture final {
public:
	explicit Fixture(uint64_t extents)
		: extents_(extents), spare_(world_, { .name = "8:16", .sectors = spare_sectors, .latency_ns = 0, .latency_spread_ns = 0 })
	{
		members_.set(0, { &spare_, 0, spare_sectors });
		setup_->main.block_bytes = 512;
		setup_->main.sectors = 4 * extents;
		setup_->member_count = 1;
		setup_->members[0].state = DMR_MEMBER_ACTIVE;
		setup_->members[0].sectors = spare_sectors;
		check(!ops_.lay_out(members_.ranges(), extents + 16, setup_.get(), reason_));
		write();
	}

	void load(DurableMap &store)
	{
		FlushState flush;
		Counters counters;
		DurableMap::Config config = {};

		config.inst = &instance_;
		config.main_blocks = Blocks(4 * extents_);
		config.members = &members_;
		config.metadata = &ops_;
		config.pool = &dmr_spare_pool_operations;
		config.counters = &counters;
		config.flush_state = &flush;
		check(!store.init(config, *setup_, reason_));
		check(!store.load(false, reason_));
		check(store.index().extents() == extents_);
	}
	// The checksums that a load computes of one copy, and nothing else.
	uint32_t checksums() const
	{
		static uint8_t unit[4096];
		uint32_t crc = 0;

		for (uint64_t i = 0; i < (extents_ + 163) / 164; i++)
			crc = dmr_crc32c(crc, unit, sizeof(unit));
		return crc;
	}

private:
	void check(bool good) const
	{
		if (!good) {
			std::fprintf(stderr, "map_load_bench: %s\n", reason_);
			std::abort();
		}
	}

	void write()
	{
		struct Source {
			uint64_t n, first, at = 0;
		} source = { extents_, (setup_->members[0].data_start + 7) / 8 * 8 };
		dmr_record_source table = {
			&source, [](void *context) { static_cast<Source *>(context)->at = 0; },
			[](void *context, dmr_record *out, uint32_t max) {
				Source &s = *static_cast<Source *>(context);
				uint32_t n = 0;

				for (; n < max && s.at < s.n; n++, s.at++)
					out[n] = { 4 * s.at, s.first + 2 * s.at, 1, DMR_RECORD_MAP, 0, 0 };
				return n;
			},
			extents_,
		};
		dmr_metadata_params params = { &instance_, members_.ranges(), 1, false, setup_.get() };
		dmr_metadata *md = nullptr;

		check(!ops_.open(&params, &md, reason_) && !ops_.format(md, reason_) && !ops_.checkpoint(md, &table));
		*setup_ = *ops_.setup(md);
		ops_.close(md);
	}

	const dmr_metadata_ops &ops_ = dmr_metadata_operations;
	World world_;
	const uint64_t extents_;
	SimDisk spare_;
	Instance instance_{ "bench" };
	MemberList members_;
	std::unique_ptr<dmr_setup> setup_ = std::make_unique<dmr_setup>();
	char reason_[DMR_REASON_SIZE] = "";
};

void load(benchmark::State &state)
{
	Fixture fixture(static_cast<uint64_t>(state.range(0)));
	double loads = 0, sums = 0, memory = 0;
	auto seconds = [](std::clock_t since) { return static_cast<double>(std::clock() - since) / CLOCKS_PER_SEC; };

	for (auto _ : state) {
		auto store = std::make_unique<DurableMap>();
		const auto start = std::clock();

		fixture.load(*store);
		loads += seconds(start);
		memory = static_cast<double>(store->index().memory());
		state.PauseTiming();
		store->destroy();
		const auto sum_start = std::clock();
		benchmark::DoNotOptimize(fixture.checksums());
		sums += seconds(sum_start);
		state.ResumeTiming();
	}
	state.counters["per_crc"] = loads / sums;
	state.counters["index_bytes_per_extent"] = memory / static_cast<double>(state.range(0));
}

BENCHMARK(load)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
