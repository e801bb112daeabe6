// SPDX-License-Identifier: GPL-2.0
#include "sim_plan.hh"

#include <algorithm>

namespace dm_remap::sim {

using namespace host;

namespace {

constexpr uint64_t most_spares = 3;

Misfortune draw_misfortune(Random &random)
{
	Misfortune m;
	const uint64_t kind = random.below(8);

	m.bad_blocks = 60;
	m.bad_spare_blocks = random.chance(1, 2) ? 15 : 0;
	m.longest_run = 1 + static_cast<uint32_t>(random.below(6));
	switch (kind) {
	case 0:
		m.bad_blocks = 20; // nearly healthy
		break;
	case 1:
		m.longest_run = 64; // much is needed of the pool
		break;
	case 2:
		m.longest_run = 1; // many extents
		m.bad_blocks = 90;
		break;
	case 3:
		m.whole_main = 15;
		break;
	case 4:
		m.metadata = 8;
		m.whole_spare = 10;
		break;
	case 5:
		m.flushes = 10;
		m.bad_spare_blocks = 40;
		break;
	case 6:
		m.memory = 25;
		break;
	default:
		m.whole_main = m.whole_spare = m.metadata = m.flushes = m.memory = 4;
		break;
	}
	m.rot = m.metadata == 0 && m.whole_spare == 0 && random.chance(1, 2);
	return m;
}

} // namespace

Plan::Plan(uint64_t number, uint32_t wanted_steps) : seed(number), steps(wanted_steps)
{
	Random random(number ^ 0x706c616e);
	const bool large_blocks = random.chance(1, 6);
	static constexpr uint32_t worker_limits[] = {1, 2, 8, 0};

	block_sectors = large_blocks ? 8 : 1;
	main.name = "8:0";
	main.sectors = (large_blocks ? 1024 : 256) + 64 * random.below(large_blocks ? 16 : 20);
	main.logical_block_bytes = main.physical_block_bytes = block_sectors * 512;
	if (random.chance(1, 2)) {
		main.physical_block_bytes *= random.chance(3, 4) ? 8 : 4;
		main.fails_physically = random.chance(3, 4);
		if (random.chance(1, 3))
			main.alignment_bytes = static_cast<int32_t>(random.below(main.physical_block_bytes / main.logical_block_bytes) * main.logical_block_bytes);
	}
	main.volatile_cache = random.chance(7, 8);
	main.discards = random.chance(1, 2);

	const uint64_t count = 1 + random.below(most_spares);
	for (uint64_t i = 0; i < count; i++) {
		DiskOptions spare;

		spare.name = "8:" + std::to_string(16 * (i + 1));
		spare.sectors = 768 + (random.chance(1, 3) ? 64 * random.below(16) : 0);
		spare.logical_block_bytes = large_blocks && random.chance(1, 2) ? 4096 : 512;
		spare.physical_block_bytes = random.chance(1, 3) ? 4096 : spare.logical_block_bytes;
		spare.volatile_cache = random.chance(7, 8);
		spare.discards = random.chance(1, 2);
		spares.push_back(spare);
	}
	members = 1 + static_cast<uint32_t>(random.below(count));
	// The least area holds 328 records: fewer are soon reached.
	max_extents = random.chance(1, 3) ? 8 + random.below(60) : 0;
	users = 8 + static_cast<uint32_t>(random.below(7));
	cuts = 2 + static_cast<uint32_t>(random.below(3));
	worker_limit = worker_limits[random.below(4)];
	max_workers = random.chance(1, 2) ? 32 : 1 + static_cast<uint32_t>(random.below(32));
	read_retries = static_cast<uint32_t>(random.below(3));
	misfortune = draw_misfortune(random);
	hot_blocks = 4 + static_cast<uint32_t>(random.below(24));
	const uint64_t blocks = main.sectors / block_sectors;
	const uint64_t spots = 1 + random.below(3);
	for (uint64_t i = 0; i < spots; i++)
		hot.push_back(random.below(blocks));
	write_percent = 35 + static_cast<uint32_t>(random.below(30));
	flush_percent = random.chance(1, 4) ? 30 : 6;
	longest_request = random.chance(1, 4) ? 160 : 32;
	first_sectors = main.sectors;
	if (random.chance(1, 2)) {
		main.sectors += random.below(blocks / 2) * block_sectors;
		hot.push_back(main.sectors / block_sectors - 1);
	}
	main.fua = random.chance(2, 3);
}

} // namespace dm_remap::sim
