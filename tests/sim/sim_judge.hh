// SPDX-License-Identifier: GPL-2.0
// Which errors are legal. Follows what the disks answered to each part of each request, and so knows where every sector
// lives as far as acknowledged requests tell; asks the engine nothing.
//
// An error is legal for a request if it is for one of its sectors:
//   read    the last thing tried for it failed; and on a spare, if an acknowledged write has put it there. Or its spare was
//           forgotten, and it was not written since: nothing is tried then.
//   write   main refused it (or the spare where it lives did), and there was nowhere to put it: pool or map full by a bound
//           that no engine can beat, metadata or a spare unwritable, main gone or read-only, no memory for the record.
//   both    its remap was being recorded when the metadata could no longer be written (in doubt, until the map is loaded).
//   flush   a flush of main or a spare failed, of its own or of the engine's since the last one.
//
// It also holds the engine to what its users cannot see: a spare block that refused a write is never used again, and a
// block whose read failed stays pending until it is written or read.
#ifndef DMR_SIM_JUDGE_HH
#define DMR_SIM_JUDGE_HH

#include "host/target.hh"
#include "sim_oracle.hh"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

namespace dm_remap::sim {

inline constexpr uint32_t most_sectors = 160; // of a request

// What was tried for one sector of a request.
struct SectorTrace {
	enum Last : uint8_t { untried, main_ok, main_failed, spare_ok, spare_failed };
	Last last = untried;
	bool main_refused = false;	// at any time in this request
	bool alone = false;		// by itself, or its physical block, at last, on main
	bool fresh = false;		// its last place is a new one for this sector
	bool given_back = false;	// the engine has written it to main since its last place took or gave it
	bool not_media = false;		// it failed with a status that no spare can heal
	uint8_t spare_failures = 0;
};

// A sector of a spare.
struct Place {
	const host::SimDisk *disk = nullptr;
	uint64_t sector = 0;
	bool operator==(const Place &) const = default;
};

// A spare sector that is never to be used again, by what is submitted to its disk after the I/O of that number.
struct Condemned {
	Place place;
	uint64_t number = 0;
};

// A spare sector that did not take the data of a sector of main.
struct Refusal {
	Place place;
	uint64_t sector = 0;
};

// Of the set, in sectors. Which spare it is its size tells, if they differ.
struct Member {
	uint64_t sectors = 0, data = 0;
};

// A spare that may take no new blocks, and the table during which that came to be.
struct Closed {
	const host::SimDisk *spare = nullptr;
	uint64_t table = 0;
};

// One user's I/O and what the judge knows of it.
struct Request {
	host::UserIo io; // first: the user of DeviceIo
	bool under_way = false;
	uint64_t number = 0;		// of a write, see Oracle
	Tick begun = 0;
	uint64_t begun_ns = 0;
	// Counts at the beginning.
	bool main_flush_doubtful = false;	// when it began the failure of a flush of main may not have been noted yet
	uint64_t spare_failures = 0, flush_failures = 0, main_failures = 0, lack_of_memory = 0, whole_main = 0, whole_spare = 0;
	// Of the table that was there then.
	bool without_a_spare = false;
	uint64_t beside = 0;		// sectors of all that was under way at any time since
	uint64_t table = 0, table_spare_failures = 0, table_lack_of_memory = 0;
	std::array<SectorTrace, most_sectors> traces;
	std::vector<Refusal> refused;
	std::string complaint;	// about a flush, known before its user runs
};

class Judge final {
public:
	Judge(host::World &world, host::SimDisk &main, std::vector<host::SimDisk *> spares);

	// ---- the course of things ----
	void begin(Request &r, Tick now);
	// A flush has failed, and its user is told now.
	void flush_failed(Request &r, Tick now);
	// A disk has performed this.
	void performed(host::SimDisk &disk, const host::DeviceIo &io);
	// A request has ended: "" or why its status is not legal.
	std::string judge(Request &r);
	// So many sectors are pending, says the device: "" or what is wrong with that.
	std::string check_pending(uint64_t pending_sectors) const;
	// Does this acknowledged write live on, whatever happens to the caches?
	bool durable(const Request &r, uint64_t sector) const;
	void faults_injected(host::SimDisk &disk, uint64_t first, uint64_t count);
	// main or a spare is, or was just now, gone, read-only or very slow.
	void whole_disk_fault(host::SimDisk &disk);
	bool metadata_trouble() const { return spare_failures_ > table_spare_failures_; }
	void wiped(const host::SimDisk &disk) { std::erase_if(condemned_, [&](const Condemned &c) { return c.place.disk == &disk; }); }
	uint64_t area_sectors() const { return area_sectors_; } // of metadata, on each spare
	// The table that comes names all spares but this one, or all.
	void leave_out(const host::SimDisk *spare) { missing_ = spare; }
	// What lived on a spare is being given up, and was, or not.
	void forgetting();
	void forgotten()
	{
		if (forgotten_ == never)
			forgotten_ = now_;
	}
	void nothing_is_lost() { std::replace(lost_until_.begin(), lost_until_.end(), never, now_); }
	bool may_be_lost(uint64_t sector) const { return lost_until_[sector] == never; }
	// Nothing may be placed on this one any more, as long as there is this table.
	void closed(const host::SimDisk &spare) { closed_.push_back({&spare, table_}); }
	// The engine may move these sectors of main by itself from now on, to spares or back, until hand_over(), or until the next
	// table starts. takes_healthy: also those that never failed go to spares.
	void by_hand(uint64_t first, uint64_t end, bool takes_healthy);
	void hand_over();
	// From now on it may rescue any sector that has ever been bad by itself.
	void patrolled() { patrolled_ = true; }
	void pool_changed(dmr_engine *engine);
	void table_starts(dmr_engine *engine);
	void power_cut();

	uint64_t remaps_seen = 0, bad_spare_seen = 0, errors_seen = 0, pending_written = 0, in_doubt_seen = 0;
	uint64_t unreadable_reads = 0, lost_written = 0;
	// Of spares, by the engine itself: writes and flushes that failed.
	uint64_t spare_failures() const { return spare_failures_; }
	uint64_t io_errors(const host::SimDisk &disk) const { return disk.counts().errors; }

private:
	enum class Home : uint8_t { main, maybe, spare };

	bool read_excused(const Request &r, uint32_t i) const;
	bool write_excused(const Request &r, uint32_t i) const;
	bool rounds_used_up(const Request &r) const;
	bool nowhere_to_put(const Request &r) const;
	bool exhausted(const Request &r) const;
	bool no_control_block(const Request &r) const;
	uint64_t data_sectors(const Request &r) const; // where new blocks may be placed for certain
	Tick now() const { return now_; }
	// By a write that had been acknowledged then.
	bool lives_on_spare(uint64_t sector, Tick then) const
	{
		return home_[sector] == Home::spare && spare_since_[sector] < then;
	}
	// At some time since the request began.
	bool was_lost(const Request &r, uint64_t sector) const { return lost_until_[sector] >= r.begun; }
	// One that began before may have met it where it lived then.
	void found(const Request &r, uint64_t sector)
	{
		if (lost_until_[sector] == never && r.begun > forgotten_)
			lost_until_[sector] = now_;
	}
	// The sectors of main's physical block that has this one: [first, second).
	std::pair<uint64_t, uint64_t> physical_block(uint64_t sector) const;
	bool whole_disk_trouble(const host::SimDisk &disk) const { return disk.gone() || disk.read_only(); }
	bool spare_trouble() const;
	std::string complain(const Request &r, const char *what) const;
	void engine_io(host::SimDisk &disk, const host::DeviceIo &io);
	void records_in_doubt();
	bool in_doubt(const Request &r, uint32_t i) const;
	bool moved_by_hand(uint64_t sector) const;
	void condemn(const Request &r);
	void moved(host::SimDisk &disk, const host::DeviceIo &io);
	void given_back(const host::DeviceIo &io);
	void unreadable(const host::DeviceIo &io);
	void spare_write(Request &r, host::SimDisk &disk, const host::DeviceIo &io);
	bool recording_trouble(const Request &r) const;
	void settle(Request &r);
	// The flush behind it has failed, or another, which took its data with it.
	bool flush_lost_for(const Request &r) const
	{
		return r.io.flags & DMR_IO_FUA && main_.flushes_for_fua() &&
		       (flush_failures_ > r.flush_failures || lost_flush_ >= r.begun || r.main_flush_doubtful);
	}
	// With what users had written, perhaps: the next flush may fail for that.
	void flush_lost()
	{
		lost_flush_ = now();
		lost_told_ = 0;
	}

	std::vector<Request *> under_way_;
	host::World &world_;
	host::SimDisk &main_;
	std::vector<host::SimDisk *> spares_;
	std::vector<Home> home_;
	std::vector<Tick> spare_since_;
	std::vector<Tick> settled_;	// when a request that may have ended its being pending last ended
	std::vector<uint64_t> moved_;	// sectors that the engine itself may have moved since the table started
	std::vector<Condemned> condemned_;
	const host::SimDisk *missing_ = nullptr;
	Place used_condemned_;
	std::vector<Place> zeroes_at_;	// where the engine itself wrote zeroes: nobody knows of which sector
	std::vector<std::vector<Place>> places_; // of each sector: spare sectors that ever took its data
	std::vector<bool> ever_bad_;
	std::vector<uint64_t> doubt_;	// the table that left this sector in doubt
	std::vector<bool> pending_;
	std::vector<bool> unreadable_;	// at any time, by itself or in no more than its physical block
	// May have lived on a spare that was forgotten, and until when: never, if it was not written or read since.
	std::vector<Tick> lost_until_;
	Tick forgotten_ = 0;	// when something was given up last; never: it is being given up
	uint64_t table_ = 0;
	std::map<const host::SimDisk *, std::vector<bool>> ever_bad_spare_;
	uint64_t bad_count_ = 0, bad_spare_count_ = 0;
	std::vector<Member> members_;
	std::vector<Closed> closed_;
	std::vector<std::pair<uint64_t, uint64_t>> by_hand_;	// [first, second)
	bool patrolled_ = false;
	uint64_t max_extents_ = 0, area_sectors_ = 192, block_sectors_ = 1;
	uint64_t spare_failures_ = 0, flush_failures_ = 0, main_failures_ = 0, whole_main_ = 0, whole_spare_ = 0;
	uint64_t table_spare_failures_ = 0, table_lack_of_memory_ = 0;
	Tick now_ = 0;
	bool main_flush_doubtful_ = false; // the last flush of main that has been performed failed; the next one begins when that is noted
	Tick lost_flush_ = 0;	// when a failure of the engine's own took users' data with it; 0: told
	Tick lost_told_ = 0;	// when that was told first; 0: not yet
	Tick flush_told_ = 0;	// when a failure was told last
};

} // namespace dm_remap::sim

#endif
