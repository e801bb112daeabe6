// SPDX-License-Identifier: GPL-2.0
#include "machine/replacement.hh"

#include "exit_status.hh"
#include "machine/standstill.hh"
#include "swap_table.hh"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <thread>

namespace dm_remap::tool {

namespace {

constexpr std::chrono::duration<double> short_enough(0.5); // no further round makes it better for anybody
constexpr uint64_t most_rounds = 12;
// From where a write is told to where it is under way in the device, or waits for it to go on: no lock or queue is between, but its
// process may lose the processor there.
constexpr std::chrono::seconds on_its_way(1);

} // namespace

Replacement::Replacement(const Running &device, const RawDisk &source, const RawDisk &to, CopyMap &map, WriteTracker *tracker, bool known,
			 std::function<void(Copier::Step)> tick)
	: device_(device), map_(map), tracker_(tracker), waited_{CopyMap(map.sectors(), CopyState::copied), false},
	  live_([&source](uint64_t sector, uint8_t *data, uint64_t sectors) { return source.read(sector, data, sectors); }), tick_(std::move(tick)),
	  loose_(!known), first_end_(std::min(map.sectors(), Copier::piece)),
	  last_start_(std::max(first_end_, (map.sectors() - 1) / Copier::piece * Copier::piece)),
	  copier_(map, to, device.name(), source.block_sectors(), [this](Copier::Step step) {
		  // Nothing is printed or written while the device stands still: it may be what that goes to.
		  if (!still_)
			  tick_(step);
	  })
{
}

void Replacement::hide()
{
	// A table that somebody has left loaded would come to serve at the first standstill.
	dm::clear(device_.device());
	copier_.blank(0, first_end_);
	copier_.blank(last_start_, map_.sectors());
	copier_.flush();
}

void Replacement::heed(const WriteTracker::Written &written)
{
	uint64_t at = 0;

	for (std::optional<CopyMap::Run> run; (run = written.map.next(CopyState::todo, at)); at = run->end)
		map_.set(run->start, run->end, CopyState::todo);
	if (!written.lost)
		return;
	map_.change(CopyState::verified, CopyState::copied);
	map_.change(CopyState::bad, CopyState::skipped);
	loose_ = true;
}

void Replacement::stand_still_once()
{
	heed(tracker_->take());
	std::this_thread::sleep_for(on_its_way);

	Standstill still(device_.device());

	still.begin(dm::Freeze::no);
	heed(waited_);
	waited_ = tracker_->take();
	heed(waited_);
	still.end();
	longest_ = std::max(longest_, still.lasted());
}

// Sectors that the next standstill would have to copy; what is held back anyway does not count.
uint64_t Replacement::left()
{
	uint64_t sectors = 0, at = first_end_;

	for (std::optional<CopyMap::Run> run; (run = map_.next(CopyState::todo, at)) && run->start < last_start_; at = run->end)
		sectors += std::min(run->end, last_start_) - run->start;
	return sectors + waited_.map.sectors(CopyState::todo) + (tracker_ ? tracker_->amount() : 0);
}

// Copied, read again and compared, as fast as it went so far.
std::chrono::duration<double> Replacement::time_for(uint64_t sectors) const
{
	const std::chrono::duration<double> spent = at_work_;

	return copier_.sectors_read() ? spent * (2.0 * static_cast<double>(sectors) / static_cast<double>(copier_.sectors_read())) : spent;
}

void Replacement::round(uint64_t retries)
{
	const auto begun = std::chrono::steady_clock::now();

	if (tracker_)
		stand_still_once();
	copier_.copy(live_, first_end_, last_start_);
	copier_.narrow(live_);
	for (uint64_t i = 0; i < retries && map_.sectors(CopyState::bad); i++)
		copier_.retry(live_);
	copier_.verify(live_, [this](uint64_t start, uint64_t end) {
		const auto waited = waited_.map.next(CopyState::todo, start);

		return loose_ || (waited && waited->start < end) || (tracker_ && tracker_->touched(start, end));
	});
	loose_ = false;
	rounds_++;
	at_work_ += std::chrono::steady_clock::now() - begun;
}

void Replacement::bring_close(uint64_t retries, std::chrono::seconds standstill)
{
	uint64_t before = UINT64_MAX;

	for (uint64_t i = 0; i < most_rounds; i++) {
		round(i ? 0 : retries);
		const uint64_t now = left();

		if (time_for(now) <= (tracker_ ? short_enough : std::chrono::duration<double>(0)))
			return;
		// It gets no better.
		if (tracker_ && i && now > before / 2)
			break;
		before = now;
	}
	const std::chrono::duration<double> time = time_for(left());

	if (time > standstill)
		throw Failure(ExitStatus::busy, "written-too-fast",
			      fmt::format("{} is written about as fast as it is copied: it would have to stand still for some {:.0f} s: try again when less "
					  "is written, or allow that with --standstill {:.0f}; what was copied is kept",
					  device_.name(), std::ceil(time.count()), std::ceil(time.count() * 2)));
}

bool Replacement::finish(const std::string &to_number, std::chrono::seconds standstill)
{
	const Running now = Running::find(device_.name());
	StillDevice still(now);
	const Copier::Read read = [&still](uint64_t sector, uint8_t *data, uint64_t sectors) { return still.read(sector, data, sectors); };
	dm::Table table = swap_table(map_, to_number);
	const auto load = [&] { dm::load(now.device(), table, now.device().read_only); };

	if (now.sectors() != map_.sectors())
		throw Failure(ExitStatus::failed, "refused", fmt::format("{} has another size now: begin anew", now.name()));
	// Its end lets the device go on as it was, and what was loaded goes.
	Standstill standing(now.device());

	// Before it stands still, as the kernel needs memory for it, which it may have to write to this device to get.
	if (!to_number.empty())
		load();
	standing.begin(dm::Freeze::yes);
	still_ = true;
	heed(waited_);
	if (tracker_)
		heed(tracker_->take());
	const bool too_much = loose_ || time_for(left()) > standstill;

	if (!too_much) {
		still.look();
		copier_.copy(read, 0, map_.sectors());
		copier_.narrow(read);
		copier_.verify(read, [](uint64_t, uint64_t) { return false; });
		if (!to_number.empty() && swap_table(map_, to_number) != table) {
			table = swap_table(map_, to_number);
			load();
		}
		standing.end();
		longest_ = std::max(longest_, standing.lasted());
	}
	still_ = false;
	return !too_much;
}

} // namespace dm_remap::tool
