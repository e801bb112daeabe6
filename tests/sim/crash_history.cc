// SPDX-License-Identifier: GPL-2.0
#include "crash_points.hh"

#include "core/recovery/guard.hh"

#include <algorithm>

namespace dm_remap::sim {

using namespace host;

History::History(uint64_t seed)
	: world(seed), main(world, { .name = "8:0", .identity = "wwid:1", .disk = "wwid:1", .sectors = main_sectors }),
	  spare(world, { .name = "8:16", .sectors = 4096 }), second(world, { .name = "8:32", .sectors = 4096 }),
	  device_(std::make_unique<MappedDevice>("crash")),
	  oracle_(main_sectors)
{
}

TableOptions History::table()
{
	TableOptions t;

	t.main = &main;
	if (pool_ != Pool::second)
		t.members.push_back({ &spare, 0, spare.options().sectors });
	if (pool_ != Pool::first)
		t.members.push_back({ &second, 0, second.options().sectors });
	t.read_retries = 0;
	return t;
}

bool History::try_create(bool degraded, bool new_main)
{
	TableOptions t = table();

	t.degraded = t.force = degraded;
	t.new_main = new_main;
	return device_->create(t) == 0;
}

// Without the first spare it is a matter of whether that was forgotten; with a copy of main, of whether that is known; with both,
// of whether the first was out of the set already.
void History::create()
{
	bool made = try_create(false);

	if (!made && pool_ == Pool::second && !forgotten_)
		made = try_create(true);
	if (!made && copied_)
		made = try_create(false, true);
	if (!made && removing_) {
		pool_ = Pool::second;
		made = try_create(false);
	}
	if (!made)
		violation("the device cannot be made: " + device_->reason());
	device_was_created = true;
}

void History::create_two()
{
	pool_ = Pool::both;
	create();
}

void History::go_on_with_second()
{
	remove();
	pool_ = Pool::second;
	create();
	for (Expectation &e : oracle_) {
		if (!e.remapped)
			continue;
		e = Expectation();
		e.legal.clear();
		e.lost = true;
	}
}

void History::forget_first()
{
	if (device_->forget_spare(0, true) != 0)
		violation("the spare cannot be forgotten: " + device_->reason());
	forgotten_ = true;
}

void History::lose_some_of_first()
{
	bool lost = false;

	for (uint64_t s = 1024; s < spare.options().sectors; s += 2)
		spare.fail(s, 1, Fault::unreadable());
	for (uint64_t s = 0; s < main_sectors; s++) {
		if (!oracle_[s].remapped || device_->read(s, data_.data(), 1) == DMR_STS_OK)
			continue;
		oracle_[s] = Expectation();
		oracle_[s].legal.clear();
		lost = oracle_[s].lost = true;
	}
	if (!lost)
		violation("nothing is lost, so that the scenario shows nothing");
}

void History::remove_first_by_force()
{
	removing_ = true;
	if (device_->remove_spare(spare, 0, true) != 1)
		violation("the spare cannot be removed: " + device_->reason());
	while (device_->status().find("removing") != std::string::npos)
		world.scheduler().sleep(1'000'000);
	if (device_->status().find("8:16:") != std::string::npos)
		violation("the spare is not removed");
	pool_ = Pool::second;
}

void History::begin_job(const std::vector<std::string> &words)
{
	int err = 0;

	device_->message(words, &err);
	if (err)
		violation(words[0] + " is refused: " + device_->reason());
}

bool History::job_ended() const
{
	return device_->active()->instance().events[DMR_EVENT_JOB_ENDED] > 0;
}

// In a fiber.
void History::run_job(const std::vector<std::string> &words)
{
	device_->active()->instance().events[DMR_EVENT_JOB_ENDED] = 0;
	begin_job(words);
	while (!job_ended())
		world.scheduler().sleep(1'000'000);
}

void History::guard(const char *sector, const char *count)
{
	guards_ = true;
	run_job({ "guard", sector, count });
	if (device_->message({ "status" }).find("\nguard state=complete") == std::string::npos)
		violation("the guard is not complete");
}

void History::unguard()
{
	run_job({ "unguard" });
	if (device_->message({ "status" }).find("\nguard state=") != std::string::npos)
		violation("something is guarded still");
}

// Whatever of it is there. Not in a fiber; main is healthy.
void History::give_back_all()
{
	begin_job({ "unguard" });
	world.run_until([&] { return job_ended(); });
	for (uint64_t s = 0; s < main_sectors; s++) {
		main.peek(s, data_.data(), 1);
		if (any_guard(data_.data(), 1))
			violation("sector " + std::to_string(s) + " of main is a guard still");
	}
	check_sectors("after unguard");
}

void History::copy_main()
{
	remove();
	main.become("wwid:2");
	copied_ = true;
	std::fill_n(data_.begin(), 512, uint8_t(0));
	for (uint64_t s = 0; s < main_sectors; s++) {
		if (!main.faulty(s) || oracle_[s].remapped)
			continue;
		main.poke(s, data_.data(), 1);
		oracle_[s] = Expectation();
		oracle_[s].legal.clear();
		oracle_[s].lost = true;
	}
	main.heal_all();
}

void History::remove()
{
	if (device_->remove() != 0)
		violation("the device cannot be removed: " + device_->reason());
}

void History::reload()
{
	if (device_->load(table()) != 0 || device_->suspend() != 0 || device_->resume() != 0)
		violation("the table cannot be reloaded: " + device_->reason());
}

void History::write(uint64_t sector, uint32_t sectors, int version, uint32_t flags)
{
	std::fill_n(data_.begin(), sectors * 512, uint8_t(version));
	for (uint64_t s = sector; s < sector + sectors; s++)
		oracle_[s].legal.insert(version);
	if (device_->write(sector, data_.data(), sectors, flags) != DMR_STS_OK)
		violation("a write fails");
	for (uint64_t s = sector; s < sector + sectors; s++) {
		Expectation &e = oracle_[s];
		bool remaps = (main.faulty(s) && !e.remapped) || e.lost;

		// A write that caused a remap is durable when acknowledged, and main's copy is never legal again.
		if (remaps || flags & DMR_IO_FUA)
			e.legal = { version };
		e.remapped |= remaps;
		e.lost = false;
		e.error_legal &= !e.remapped;
	}
}

void History::read_bad(uint64_t sector, uint32_t sectors)
{
	if (device_->read(sector, data_.data(), sectors) != DMR_STS_MEDIUM)
		violation("a read of bad blocks does not fail with a medium error");
}

void History::flush()
{
	if (device_->flush() != DMR_STS_OK)
		violation("a flush fails");
	for (uint64_t s = 0; s < main_sectors; s++) {
		if (device_->read(s, data_.data(), 1) == DMR_STS_OK)
			oracle_[s].legal = { data_[0] };
	}
}

void History::make_bad(uint64_t sector, uint32_t sectors)
{
	main.fail(sector, sectors);
	for (uint64_t s = sector; s < sector + sectors; s++)
		oracle_[s].error_legal = true;
}

uint64_t History::commits()
{
	dmr_snapshot s;

	dmr_engine_snapshot(device_->active()->engine(), &s);
	return s.commits;
}

uint64_t History::checkpoints()
{
	dmr_snapshot s;

	dmr_engine_snapshot(device_->active()->engine(), &s);
	return s.checkpoints;
}

void History::expect_checkpoints(uint64_t n)
{
	if (checkpoints() != n)
		violation("the scenario has written another number of checkpoints than it is meant to");
}

void History::reboot_and_check()
{
	if (at_cut_.empty()) {
		at_cut_ = oracle_;
		pool_at_cut_ = pool_;
		forgotten_at_cut_ = forgotten_;
	}
	oracle_ = at_cut_;
	pool_ = pool_at_cut_;
	forgotten_ = forgotten_at_cut_;
	world.reboot();
	device_ = std::make_unique<MappedDevice>("crash");
	create();
	if (!violations.empty())
		return;
	check_sectors("after the cut");
	remove();
	// Healthy again: what main holds of remapped blocks is stale, and must not be shown; of others it is the truth.
	std::vector<uint64_t> bad;
	for (uint64_t s = 0; s < main_sectors; s++) {
		if (main.faulty(s))
			bad.push_back(s);
	}
	main.heal_all();
	create();
	check_sectors("after main has healed");
	if (guards_)
		give_back_all();
	remove();
	for (uint64_t s : bad)
		main.fail(s, 1);
	world.check_no_leaks();
	for (const std::string &text : world.take_violations())
		violation(text);
}

void History::check_sectors(const char *when)
{
	const auto data = data_.begin();

	for (uint64_t s = 0; s < main_sectors; s++) {
		Expectation &e = oracle_[s];
		std::string where = "sector " + std::to_string(s) + " " + when;

		if (device_->read(s, data_.data(), 1) != DMR_STS_OK) {
			if (!e.lost && (!e.error_legal || !main.faulty(s)))
				violation(where + " cannot be read");
			continue;
		}
		if (!std::all_of(data, data + 512, [&](uint8_t byte) { return byte == data[0]; }))
			violation(where + " is torn");
		else if (!e.legal.count(data[0]))
			violation(where + " holds version " + std::to_string(data[0]));
		else if (e.seen && *e.seen != data[0])
			violation(where + " has changed from version " + std::to_string(*e.seen) + " to " + std::to_string(data[0]));
		e.seen = data[0];
	}
}

} // namespace dm_remap::sim
