// SPDX-License-Identifier: GPL-2.0
#include "sim_judge.hh"

#include "core/recovery/guard.hh"

#include <algorithm>
#include <cstring>

namespace dm_remap::sim {

using namespace host;

namespace {

bool may_be_media(dmr_status status)
{
	return status == DMR_STS_MEDIUM || status == DMR_STS_IOERR || status == DMR_STS_TARGET;
}

bool contains(const std::vector<Place> &places, const Place &place)
{
	return std::find(places.begin(), places.end(), place) != places.end();
}

} // namespace

Judge::Judge(World &world, SimDisk &main, std::vector<SimDisk *> spares)
	: world_(world), main_(main), spares_(std::move(spares)), home_(main.options().sectors, Home::main),
	  spare_since_(main.options().sectors), settled_(main.options().sectors),
	  places_(main.options().sectors), ever_bad_(main.options().sectors), doubt_(main.options().sectors),
	  pending_(main.options().sectors), unreadable_(main.options().sectors), lost_until_(main.options().sectors),
	  block_sectors_(main.options().logical_block_bytes / 512)
{
}

void Judge::begin(Request &r, Tick now)
{
	r.under_way = true;
	r.beside = 0;
	for (Request *other : under_way_) {
		other->beside += r.io.sectors;
		r.beside += other->io.sectors;
	}
	under_way_.push_back(&r);
	r.begun = now_ = now;
	r.begun_ns = world_.now();
	r.spare_failures = spare_failures_;
	r.flush_failures = flush_failures_;
	r.main_flush_doubtful = main_flush_doubtful_;
	r.main_failures = main_failures_;
	r.lack_of_memory = world_.memory().failures();
	r.table = table_;
	r.without_a_spare = missing_ != nullptr;
	r.table_spare_failures = table_spare_failures_;
	r.table_lack_of_memory = table_lack_of_memory_;
	r.whole_main = whole_main_;
	r.whole_spare = whole_spare_;
	r.refused.clear();
	r.complaint.clear();
	std::fill_n(r.traces.begin(), r.io.sectors, SectorTrace());
}

void Judge::performed(SimDisk &disk, const DeviceIo &io)
{
	if (io.op == DMR_OP_FLUSH && io.status)
		flush_failures_++;
	if (io.op == DMR_OP_FLUSH && &disk == &main_)
		main_flush_doubtful_ = io.status != 0;
	if (&disk == &main_ && io.op == DMR_OP_READ && io.status)
		unreadable(io);
	if (!io.user) {
		engine_io(disk, io);
		return;
	}
	if (io.op == DMR_OP_FLUSH || io.op == DMR_OP_DISCARD)
		return;

	auto &r = *static_cast<Request *>(const_cast<void *>(io.user));
	const bool on_main = &disk == &main_;
	const auto whole_physical = [this](const DeviceIo &part) {
		return physical_block(part.sector) == std::pair(part.sector, part.sector + part.sectors);
	};

	if (!on_main && io.op != DMR_OP_READ)
		spare_write(r, disk, io);
	if (on_main && io.flags & DMR_IO_FUA && disk.flushes_for_fua())
		world_.violation("a write with FUA to a main without: if it fails nobody knows what has");
	for (uint32_t n = 0; n < io.sectors; n++) {
		const uint64_t sector = io.user_sector + n;
		SectorTrace &t = r.traces[sector - r.io.sector];

		t.given_back = false;
		t.not_media |= io.status && (!may_be_media(io.status) ||
					     (io.op == DMR_OP_WRITE_ZEROES && io.status != DMR_STS_MEDIUM));
		if (on_main) {
			t.last = io.status ? SectorTrace::main_failed : SectorTrace::main_ok;
			t.main_refused |= io.status != 0;
			t.alone = io.sectors == block_sectors_ || whole_physical(io);
			continue;
		}
		t.last = io.status ? SectorTrace::spare_failed : SectorTrace::spare_ok;
		if (io.status && io.sectors <= block_sectors_ && t.spare_failures < 255)
			t.spare_failures++;
		if (io.status || io.op == DMR_OP_READ)
			continue;
		const Place place = {&disk, io.sector + n};
		t.fresh = !contains(places_[sector], place) && !contains(zeroes_at_, place);
		if (t.fresh)
			places_[sector].push_back(place);
	}
}

// A spare block that refused a write by itself, in a request that succeeded all the same, is never used again.
void Judge::spare_write(Request &r, SimDisk &disk, const DeviceIo &io)
{
	const bool refused = io.status && !disk.gone() && !disk.read_only();

	bad_spare_seen += io.status != 0;
	if (io.status && !may_be_media(io.status))
		closed(disk);
	for (uint32_t n = 0; n < io.sectors; n++) {
		const Place place = {&disk, io.sector + n};

		// A write that was under way then says nothing.
		if (std::any_of(condemned_.begin(), condemned_.end(),
				[&](const Condemned &c) { return c.place == place && c.number < io.number; }))
			used_condemned_ = place;
		std::erase_if(r.refused, [&](const Refusal &other) { return other.place == place; });
		if (refused && io.sectors == block_sectors_ && may_be_media(io.status))
			r.refused.push_back({place, io.user_sector + n});
	}
}

// Metadata, data flushes of commits, control blocks, moved data.
void Judge::engine_io(SimDisk &disk, const DeviceIo &io)
{
	if (!io.status) {
		if (&disk != &main_ && io.op == DMR_OP_WRITE && io.sector >= area_sectors_)
			moved(disk, io);
		// A guard is put there when the data lives elsewhere.
		if (&disk == &main_ && io.op == DMR_OP_WRITE && !any_guard(io.data, io.sectors))
			given_back(io);
		// It may be on its way to a spare.
		if (&disk == &main_ && io.op == DMR_OP_READ)
			std::fill_n(pending_.begin() + static_cast<ptrdiff_t>(io.sector), io.sectors, false);
		return;
	}
	if (&disk == &main_) {
		main_failures_++;
		if (io.op == DMR_OP_FLUSH && disk.flushes_for_fua())
			flush_lost();
		return;
	}
	if (io.op == DMR_OP_READ)
		return;
	spare_failures_++;
	closed(disk);
	if (io.op != DMR_OP_FLUSH)
		records_in_doubt();
	// A write that fails, of a record or of moved data, takes nothing else with it.
	if (io.op != DMR_OP_FLUSH && !(io.flags & DMR_IO_FUA && disk.flushes_for_fua()))
		return;
	flush_lost();
}

// Data that the engine moves says whose it is; zeroes do not.
void Judge::moved(SimDisk &disk, const DeviceIo &io)
{
	for (uint32_t n = 0; n < io.sectors; n++) {
		const uint8_t *data = static_cast<const uint8_t *>(io.data) + n * 512;
		const Place place = {&disk, io.sector + n};
		uint64_t sector;

		std::memcpy(&sector, data, sizeof(sector));
		const Value value = value_of(data, sector);

		for (uint64_t s = 0; value == 0 && s < places_.size(); s++)
			if (home_[s] != Home::main || ever_bad_[s])
				moved_.push_back(s);
		if (value != 0 && value != never_written && sector < places_.size())
			moved_.push_back(sector);
		if (value == 0)
			zeroes_at_.push_back(place);
		else if (value != never_written && sector < places_.size() && !contains(places_[sector], place))
			places_[sector].push_back(place);
	}
}

std::string Judge::complain(const Request &r, const char *what) const
{
	static const char *const names[] = {"read", "write", "write-zeroes", "discard", "flush"};

	return std::string(names[r.io.op]) + " of " + std::to_string(r.io.sectors) + " sectors from " +
	       std::to_string(r.io.sector) + " on: " + what + " (status " + std::to_string(r.io.status) + ")";
}

std::string Judge::judge(Request &r)
{
	std::string complaint;

	r.under_way = false;
	std::erase(under_way_, &r);
	if (r.io.op == DMR_OP_FLUSH)
		return r.complaint;
	if (r.io.op == DMR_OP_DISCARD)
		return complaint; // advice; see Oracle
	if (r.io.status) {
		const bool read = r.io.op == DMR_OP_READ;
		bool excused = false;

		errors_seen++;
		for (uint32_t i = 0; i < r.io.sectors && !excused; i++)
			excused = read ? read_excused(r, i) : write_excused(r, i);
		if (!excused)
			complaint = complain(r, "failed without need");
	}
	else if (whole_spare_ == r.whole_spare) {
		condemn(r);
	}
	if (used_condemned_.disk && complaint.empty())
		complaint = "sector " + std::to_string(used_condemned_.sector) + " of spare " + used_condemned_.disk->options().name +
			    " is used again, though it had refused a write";
	settle(r);
	return complaint;
}

// For a failure since it was submitted, for one of the engine's own that is not told yet, or for one that was told to another
// after this was submitted.
void Judge::flush_failed(Request &r, Tick now)
{
	if (flush_failures_ == r.flush_failures && !lost_flush_) {
		if (flush_told_ < r.begun)
			r.complaint = complain(r, "failed though no flush of a disk did");
		return;
	}
	flush_told_ = now;
	if (flush_failures_ != r.flush_failures || lost_flush_ >= r.begun)
		return;
	// As the engine hears later than the disk of a flush that failed, it may still count as lost during this one: told by
	// the next, too.
	if (!lost_told_)
		lost_told_ = now;
	else if (lost_told_ < r.begun)
		lost_flush_ = 0;
}

// With the record of a sector's new place those of the spare blocks that refused it were made. (With the map full there
// are none.)
void Judge::condemn(const Request &r)
{
	for (const Refusal &refusal : r.refused) {
		const SectorTrace &t = r.traces[refusal.sector - r.io.sector];

		if (t.fresh && t.last == SectorTrace::spare_ok)
			condemned_.push_back({refusal.place, refusal.place.disk->submissions()});
	}
}

// What the end of a request says about where its sectors live.
void Judge::settle(Request &r)
{
	for (uint32_t i = 0; i < r.io.sectors; i++) {
		const SectorTrace &t = r.traces[i];
		const uint64_t sector = r.io.sector + i;
		const bool on_spare = t.last == SectorTrace::spare_ok || t.last == SectorTrace::spare_failed;

		if (r.io.op == DMR_OP_READ) {
			const bool unreadable = r.io.status && t.last == SectorTrace::main_failed;

			unreadable_reads += unreadable;
			if (unreadable && t.alone && !r.io.optional && settled_[sector] < r.begun && !recording_trouble(r) &&
			    !moved_by_hand(sector))
				pending_[sector] = true;
			// It may have been rescued; one that overlaps this and failed before says nothing then.
			if (!r.io.status || t.last == SectorTrace::main_ok || t.last == SectorTrace::spare_ok) {
				found(r, sector);
				pending_[sector] = false;
				settled_[sector] = now_;
			}
			continue;
		}
		settled_[sector] = now_;
		// With no spare block left main takes what was lost, also in a request that fails for another sector.
		if (was_lost(r, sector) && t.last == SectorTrace::main_ok && home_[sector] == Home::spare)
			home_[sector] = Home::maybe;
		if (r.io.status) {
			if (t.last != SectorTrace::main_failed && t.last != SectorTrace::untried)
				pending_[sector] = false;
			if (on_spare && home_[sector] == Home::main)
				home_[sector] = Home::maybe;
			continue;
		}
		pending_written += pending_[sector] && t.last == SectorTrace::spare_ok && !t.main_refused;
		pending_[sector] = false;
		lost_written += may_be_lost(sector);
		found(r, sector);
		if (t.last != SectorTrace::spare_ok)
			continue;
		remaps_seen += t.fresh;
		if (home_[sector] != Home::spare)
			spare_since_[sector] = now_;
		home_[sector] = t.given_back ? Home::maybe : Home::spare;
	}
}

bool Judge::durable(const Request &r, uint64_t sector) const
{
	const SectorTrace &t = r.traces[sector - r.io.sector];

	return (r.io.flags & DMR_IO_FUA) || (t.last == SectorTrace::spare_ok && t.fresh);
}

void Judge::faults_injected(SimDisk &disk, uint64_t first, uint64_t count)
{
	const bool on_main = &disk == &main_;
	std::vector<bool> &bad = on_main ? ever_bad_ : ever_bad_spare_[&disk];

	bad.resize(disk.options().sectors);
	const auto fails = [&](uint64_t sector) {
		(on_main ? bad_count_ : bad_spare_count_) += !bad[sector];
		bad[sector] = true;
	};

	for (uint64_t s = first; s < std::min(first + count, disk.options().sectors); s++) {
		const auto [begin, end] = on_main ? physical_block(s) : std::pair(s, s + 1);

		for (uint64_t with = begin; with < end; with++)
			fails(with);
	}
}

std::pair<uint64_t, uint64_t> Judge::physical_block(uint64_t sector) const
{
	const auto [begin, end] = main_.options().physical_block(sector);

	return { begin, std::min(end, main_.options().sectors) };
}

void Judge::whole_disk_fault(SimDisk &disk)
{
	(&disk == &main_ ? whole_main_ : whole_spare_)++;
	// Anything may have been moved because of it.
	if (&disk == &main_)
		faults_injected(disk, 0, disk.options().sectors);
}

void Judge::forgetting()
{
	forgotten_ = never;
	for (uint64_t s = 0; s < lost_until_.size(); s++) {
		if (home_[s] != Home::main || ever_bad_[s])
			lost_until_[s] = never;
	}
}

void Judge::table_starts(dmr_engine *engine)
{
	hand_over();
	moved_.clear();
	table_++;
	// A request that began with the table before this may be under way.
	std::erase_if(closed_, [&](const Closed &c) { return c.table + 1 < table_; });
	table_spare_failures_ = spare_failures_;
	table_lack_of_memory_ = world_.memory().failures();
	pool_changed(engine);
}

void Judge::pool_changed(dmr_engine *engine)
{
	const dmr_setup &setup = *dmr_engine_setup(engine);

	max_extents_ = setup.max_extents;
	members_.clear();
	for (uint32_t i = 0; i < setup.member_count; i++) {
		const dmr_member_entry &entry = setup.members[i];

		if (entry.state == DMR_MEMBER_ABSENT)
			continue;
		if (entry.state == DMR_MEMBER_ACTIVE)
			members_.push_back({entry.sectors, entry.sectors - entry.data_start});
		area_sectors_ = std::max(area_sectors_, entry.data_start);
	}
}

void Judge::power_cut()
{
	for (Request *r : under_way_) {
		r->under_way = false;
		// A read may have come as far as a rescue, and a write of what was lost as far as main.
		if (r->io.op != DMR_OP_WRITE && r->io.op != DMR_OP_WRITE_ZEROES && r->io.op != DMR_OP_READ)
			continue;
		for (uint64_t s = r->io.sector; s < r->io.sector + r->io.sectors; s++) {
			if (home_[s] == Home::main || was_lost(*r, s))
				home_[s] = Home::maybe;
			pending_[s] = false;
		}
	}
	under_way_.clear();
	forgotten();
	main_flush_doubtful_ = false;
	lost_flush_ = 0;
}

} // namespace dm_remap::sim
