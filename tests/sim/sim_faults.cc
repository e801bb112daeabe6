// SPDX-License-Identifier: GPL-2.0
#include "sim_faults.hh"

#include "dm_remap/format.hh"

#include <algorithm>
#include <iterator>

namespace dm_remap::sim {

using namespace host;

Faults::Faults(const Plan &plan, World &world, Judge &judge, SimDisk &main, std::vector<SimDisk *> spares)
	: plan_(plan), world_(world), judge_(judge), main_(main), spares_(std::move(spares))
{
}

namespace {

dmr_status draw_status(Random &random)
{
	static constexpr dmr_status statuses[] = {DMR_STS_MEDIUM, DMR_STS_MEDIUM, DMR_STS_MEDIUM, DMR_STS_IOERR, DMR_STS_TARGET};

	return statuses[random.below(5)];
}

Fault draw_fault(Random &random)
{
	Fault fault;

	switch (random.below(6)) {
	case 0:
		fault.write = false;
		break;
	case 1:
		fault.read = false;
		break;
	case 2:
		fault.write = false;
		fault.heals_on_write = true;
		break;
	case 3:
		fault.times = 1 + static_cast<int32_t>(random.below(4));
		break;
	default:
		break;
	}
	fault.status = draw_status(random);
	return fault;
}

} // namespace

void Faults::bad_run(Random &random, SimDisk &disk, uint64_t first, uint64_t limit, uint64_t longest)
{
	const uint64_t block = plan_.block_sectors;
	const uint64_t blocks = 1 + random.below(longest);
	const uint64_t count = std::min(blocks * block, limit - first);
	const Fault fault = draw_fault(random);

	disk.fail(first, count, fault);
	judge_.faults_injected(disk, first, count);
	world_.trace("fault", first, count, fault.read | fault.write << 1 | fault.heals_on_write << 2);
	injected_++;
}

void Faults::whole_disk(Random &random, SimDisk &disk)
{
	const uint64_t kind = random.below(3);
	const dmr_status status = draw_status(random);

	judge_.whole_disk_fault(disk);
	if (kind == 0)
		disk.set_gone(true, status == DMR_STS_MEDIUM ? static_cast<dmr_status>(DMR_STS_IOERR) : status);
	else if (kind == 1)
		disk.set_read_only(true, status);
	else
		disk.set_slow(random.chance(1, 2) ? 6'000'000'000ull : 200'000'000ull);
	world_.trace("whole disk fault", kind, status);
	injected_++;
}

void Faults::occasion(Random &random)
{
	const Misfortune &m = plan_.misfortune;

	if (random.below(100) < m.bad_blocks) {
		const uint64_t spot = plan_.hot[random.below(plan_.hot.size())];
		const bool hot = random.chance(3, 4);
		const uint64_t near = random.below(plan_.hot_blocks), any = random.next();
		const uint64_t blocks = plan_.main.sectors / plan_.block_sectors;
		const uint64_t block = (hot ? spot + near : any) % blocks;

		bad_run(random, main_, block * plan_.block_sectors, plan_.main.sectors, m.longest_run);
	}
	if (random.below(100) < m.bad_spare_blocks) {
		SimDisk &spare = any_spare(random);
		const uint64_t sectors = spare.options().sectors;
		const uint64_t data = (sectors - area_sectors_) / plan_.block_sectors;
		const uint64_t near = random.below(random.chance(1, 2) ? 32 : data);

		bad_run(random, spare, area_sectors_ + near % data * plan_.block_sectors, sectors, m.longest_run);
	}
	if (random.below(100) < m.metadata) {
		SimDisk &spare = any_spare(random);
		const uint64_t unit = random.below(area_sectors_ / 8);

		bad_run(random, spare, unit * 8, area_sectors_, 2);
	}
	if (random.below(100) < m.whole_main)
		whole_disk(random, main_);
	if (random.below(100) < m.whole_spare)
		whole_disk(random, any_spare(random));
	if (random.below(100) < m.flushes) {
		SimDisk &disk = random.chance(1, 3) ? main_ : any_spare(random);

		disk.fail_flushes(1 + static_cast<int32_t>(random.below(3)));
		world_.trace("flushes fail");
		injected_++;
	}
	if (random.below(100) < m.memory) {
		if (random.chance(1, 2))
			world_.memory().fail_chance(65536 / 4);
		else
			world_.memory().fail_nth(1 + random.below(60));
		world_.trace("memory fails");
		injected_++;
	}
}

void Faults::weaken_spares(Random &random)
{
	for (SimDisk *spare : spares_) {
		for (uint64_t n = random.below(4); n > 0; n--) {
			const uint64_t sector = area_sectors_ + random.below(64);

			judge_.faults_injected(*spare, sector, 1);
			spare->fail(sector, 1, {.write = false, .times = 1 + static_cast<int32_t>(random.below(3))});
		}
	}
}

void Faults::relent(Random &random)
{
	if (random.chance(1, 2))
		world_.memory().fail_chance(0);
	for (SimDisk *disk : world_.disks()) {
		if (!random.chance(1, 2))
			continue;
		if (disk->gone() || disk->read_only())
			judge_.whole_disk_fault(*disk); // whoever asks later what was wrong in his time
		disk->set_gone(false);
		disk->set_read_only(false);
		disk->set_slow(0);
	}
}

void Faults::reboot(Random &random)
{
	world_.memory().fail_chance(0);
	world_.memory().fail_nth(0);
	for (SimDisk *disk : world_.disks()) {
		disk->set_gone(false);
		disk->set_read_only(false);
		disk->set_slow(0);
		disk->fail_flushes(0);
	}
	// Main has healed: what it holds of remapped blocks is stale, and must not come to light.
	if (random.chance(1, 3))
		main_.heal_all();
	heal_spare_areas();
}

void Faults::heal_spare_areas()
{
	for (SimDisk *spare : spares_) {
		spare->heal(0, area_sectors_);
		spare->set_gone(false);
		spare->set_read_only(false);
		spare->set_slow(0);
		spare->fail_flushes(0);
	}
}

void Faults::wipe(SimDisk &spare)
{
	static const std::vector<uint8_t> zeroes(64 * 512);

	if (spare.all_zero(0, spare.options().sectors))
		return;
	for (uint64_t at = 0; at < spare.options().sectors; at += 64)
		spare.poke(at, zeroes.data(), static_cast<uint32_t>(std::min<uint64_t>(64, spare.options().sectors - at)));
}

void Faults::heal_all()
{
	world_.memory().fail_chance(0);
	world_.memory().fail_nth(0);
	for (SimDisk *disk : world_.disks())
		disk->heal_all();
}

bool Faults::torn(const SimDisk &spare, uint64_t unit_sector) const
{
	format::Unit unit;

	spare.peek(unit_sector, &unit, format::sectors_per_unit);
	return std::any_of(std::begin(unit.sectors), std::end(unit.sectors),
			   [&](const format::Sector &s) { return s.stamp != unit.sectors[0].stamp; });
}

void Faults::rot(Random &random)
{
	// Which copy follows from the seed alone, so that a later rot does not hit what an earlier one has left.
	const uint64_t half = area_sectors_ / 2;
	const uint64_t base = plan_.seed & 1 ? half : 0;

	for (SimDisk *spare : spares_) {
		const uint64_t flips = 1 + random.below(4);

		for (uint64_t i = 0; i < flips; i++) {
			const uint64_t sector = base + random.below(half);
			const uint32_t byte = static_cast<uint32_t>(random.below(512));
			const uint8_t mask = static_cast<uint8_t>(1 << random.below(8));

			// The other copy may have been torn by a cut, and be of no use since: both together may be refused.
			if (torn(*spare, (base ? sector - half : sector + half) / 8 * 8))
				continue;
			spare->rot(sector, byte, mask);
		}
	}
	world_.trace("rot", base);
	injected_++;
	rotted_++;
}

} // namespace dm_remap::sim
