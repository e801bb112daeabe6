// SPDX-License-Identifier: GPL-2.0
// A simulated disk: volatile cache, power cuts, and every way in which disks fail.
#ifndef DMR_HOST_DISK_HH
#define DMR_HOST_DISK_HH

#include "host/device.hh"
#include "host/disk_content.hh"
#include "host/world.hh"

#include <map>
#include <string>
#include <utility>

namespace dm_remap::host {

class Random;

struct DiskOptions {
	std::string name = "8:0";	// as dmsetup prints it
	std::string identity = "";	// WWID of a whole disk, PARTUUID of a partition; "" for none
	std::string disk = "";		// WWID of the disk that it is, or is a part of; "" for none
	std::string place = "";		// of a partition: where on that disk it begins, as dmr_device_info has it
	uint64_t sectors = 8192;
	uint32_t logical_block_bytes = 512;	// also what is never torn
	uint32_t physical_block_bytes = 512;
	int32_t alignment_bytes = 0;	// as dmr_device_info has it
	// Its physical blocks fail as a whole, and one that is written in part has to be read for it. Otherwise the logical ones.
	bool fails_physically = false;
	bool discards = false;		// a discard then leaves zeroes; without, it fails with NOTSUPP
	bool volatile_cache = true;
	bool fua = true;		// without, a write with FUA is followed by a flush, which may fail
	uint64_t latency_ns = 20'000, latency_spread_ns = 100'000;
	uint64_t failing_ns = 0;	// what I/O takes besides that will fail for a bad sector, as it looks when it is submitted

	// The sectors of the physical block that has this one: [first, second). Also beyond the end of the disk.
	std::pair<uint64_t, uint64_t> physical_block(uint64_t sector) const
	{
		const uint64_t size = physical_block_bytes / 512, first = alignment_bytes > 0 ? alignment_bytes / 512 : 0;
		const uint64_t begin = sector < first ? 0 : sector - (sector - first) % size;

		return { begin, sector < first ? first : begin + size };
	}
};

// What is wrong with a sector.
struct Fault {
	bool read = true;		// reads fail
	bool write = true;		// writes fail, and change nothing there
	dmr_status status = DMR_STS_MEDIUM;
	bool heals_on_write = false;	// a successful write ends it
	int32_t times = -1;		// so many failures, then it is gone; -1: for good
	uint64_t number = 0;		// given by the disk: no other fault ever has it

	static Fault unreadable() { return {true, false}; }
	static Fault unwritable() { return {false, true}; }
	// A weak sector that the drive replaces by itself when it is written.
	static Fault until_written() { return {true, false, DMR_STS_MEDIUM, true}; }
};

class SimDisk final : public dmr_device, public PowerConsumer {
public:
	SimDisk(World &world, DiskOptions options);
	~SimDisk();
	SimDisk(const SimDisk &) = delete;
	SimDisk &operator=(const SimDisk &) = delete;

	const DiskOptions &options() const { return options_; }

	// ---- dmr_device ----
	void describe(dmr_device_info *out) override;
	uint64_t activity() const override { return activity_; }
	bool flushes_for_fua() const override { return options_.volatile_cache && !options_.fua; }
	void announce(DeviceIo *io) override { io->number = ++numbers_; }
	void start(DeviceIo *io) override;

	// ---- content, past faults, cache and clock; for tests and oracles ----
	void peek(uint64_t sector, void *out, uint32_t sectors) const; // what a healthy read would return now
	void poke(uint64_t sector, const void *data, uint32_t sectors); // durable at once
	void rot(uint64_t sector, uint32_t byte, uint8_t mask); // flips bits on the medium
	bool all_zero(uint64_t sector, uint64_t sectors) const;

	// ---- faults ----
	void fail(uint64_t first, uint64_t count, const Fault &fault = {});
	void heal(uint64_t first, uint64_t count);
	void heal_all();	// sectors and the device as a whole
	bool faulty(uint64_t sector) const { return fault(sector) != nullptr; }
	const Fault *fault(uint64_t sector) const
	{
		const auto found = faults_.find(sector);

		return found == faults_.end() ? nullptr : &found->second;
	}
	void set_gone(bool gone, dmr_status status = DMR_STS_IOERR); // everything fails
	void set_read_only(bool ro, dmr_status status = DMR_STS_TARGET); // writes fail, flushes do not
	bool gone() const { return gone_ != DMR_STS_OK; }
	bool read_only() const { return read_only_ != DMR_STS_OK; }
	// What dmr_device_describe() says from now on; the disk itself goes on accepting writes.
	void describe_read_only(bool ro) { describe_read_only_ = ro; }
	// It has so many sectors from now on, and what lay beyond its end lies there again if it grows. In between I/O there is
	// a violation.
	void resize(uint64_t sectors) { sectors_ = sectors; }
	uint64_t sectors() const { return sectors_; }
	// Another whole disk stands in its place from now on, of this WWID, with a copy of what was on it.
	void become(const std::string &wwid) { identity_ = disk_ = wwid; }
	// So many flushes fail (-1: all): what they should have made durable never is, as of a drive that gave it up.
	void fail_flushes(int32_t times, dmr_status status = DMR_STS_IOERR);
	void set_slow(uint64_t extra_ns) { extra_latency_ns_ = extra_ns; }

	// ---- power ----
	std::vector<Unflushed> unflushed() const { return content_.unflushed(); }
	void power_cut(const Survivor &survivor) { content_.power_cut(survivor); }
	// Drawn: all lost, all kept, or each block for itself and any of its versions.
	void power_cut(Random &random);
	// Cheap: shares what neither changes. Includes what is unflushed. I/O in flight is not part of it.
	DiskContent snapshot() const { return content_; }
	void restore(const DiskContent &content) { content_ = content; }
	// ---- PowerConsumer ----
	void freeze() override;
	void lose_cache() override { power_cut([](const Unflushed &) { return 0; }); }

	// ---- counters ----
	struct Counts {
		uint64_t reads = 0, writes = 0, flushes = 0, discards = 0, errors = 0;
	};
	const Counts &counts() const { return counts_; }
	uint64_t in_flight() const { return in_flight_; }
	// The number of the I/O that was submitted last; the first has 1.
	uint64_t submissions() const { return numbers_; }

private:
	bool valid(const DeviceIo &io) const;
	void complete(DeviceIo *io);
	dmr_status perform(DeviceIo *io);
	dmr_status perform_read(DeviceIo *io);
	dmr_status perform_write(DeviceIo *io);
	dmr_status flush(uint64_t submitted);
	enum class Failing : uint8_t { reads, writes, either };
	const Fault *first_fault(uint64_t sector, uint64_t end, Failing failing, uint64_t *where) const;
	const Fault *read_fault(uint64_t sector, uint64_t sectors, uint64_t *where) const;
	const Fault *write_fault(uint64_t sector, uint64_t sectors, uint64_t *where) const;
	bool part_fails(const DeviceIo &io, uint64_t sector) const;
	bool will_fail(const DeviceIo &io) const;
	void used_up(uint64_t sector);
	void unlink(DeviceIo *io);
	// Sectors round the faulty one that fail with it: its logical block, or its physical one.
	std::pair<uint64_t, uint64_t> unit(uint64_t sector) const
	{
		const uint64_t block = sector / block_sectors_ * block_sectors_;

		return options_.fails_physically ? options_.physical_block(sector) : std::pair(block, block + block_sectors_);
	}
	uint64_t unit_start(uint64_t sector) const { return unit(sector).first; }
	uint64_t unit_end(uint64_t sector) const { return unit(sector).second; }

	World &world_;
	const DiskOptions options_;
	std::string identity_ = options_.identity, disk_ = options_.disk;
	const uint32_t block_sectors_;
	const uint32_t unit_sectors_;	// what fails as one
	DiskContent content_;
	std::map<uint64_t, Fault> faults_;
	uint64_t fault_numbers_ = 0;
	dmr_status gone_ = DMR_STS_OK, read_only_ = DMR_STS_OK;
	int32_t flush_failures_ = 0;
	dmr_status flush_status_ = DMR_STS_IOERR;
	uint64_t extra_latency_ns_ = 0;
	bool describe_read_only_ = false;
	uint64_t sectors_;
	DeviceIo *first_ = nullptr;
	uint64_t in_flight_ = 0, numbers_ = 0, activity_ = 0;
	Counts counts_;
};

} // namespace dm_remap::host

#endif
