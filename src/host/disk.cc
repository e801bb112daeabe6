// SPDX-License-Identifier: GPL-2.0
#include "host/disk.hh"

#include "host/random.hh"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace dm_remap::host {

namespace {

constexpr int garbage = 0xee;

uint64_t bytes(uint64_t sectors)
{
	return sectors * 512;
}

} // namespace

SimDisk::SimDisk(World &world, DiskOptions options)
	: world_(world), options_(std::move(options)), block_sectors_(options_.logical_block_bytes / 512),
	  unit_sectors_(options_.fails_physically ? options_.physical_block_bytes / 512 : block_sectors_),
	  content_(options_.logical_block_bytes, options_.volatile_cache), sectors_(options_.sectors)
{
	world_.add_disk(this, this);
}

SimDisk::~SimDisk()
{
	world_.remove_disk(this);
}

void SimDisk::describe(dmr_device_info *out)
{
	std::memset(out, 0, sizeof(*out));
	out->sectors = sectors_;
	out->logical_block_bytes = options_.logical_block_bytes;
	out->physical_block_bytes = options_.physical_block_bytes;
	out->alignment_bytes = options_.alignment_bytes;
	out->read_only = describe_read_only_;
	out->discards = options_.discards;
	std::snprintf(out->name, sizeof(out->name), "%s", options_.name.c_str());
	std::snprintf(out->identity, sizeof(out->identity), "%s", identity_.c_str());
	std::snprintf(out->disk, sizeof(out->disk), "%s", disk_.c_str());
	std::snprintf(out->place, sizeof(out->place), "%s", options_.place.c_str());
}

bool SimDisk::valid(const DeviceIo &io) const
{
	if (io.op == DMR_OP_FLUSH)
		return true;
	return io.sectors && io.sector % block_sectors_ == 0 && io.sectors % block_sectors_ == 0 &&
	       io.sector < sectors_ && io.sectors <= sectors_ - io.sector &&
	       (io.data || (io.op != DMR_OP_READ && io.op != DMR_OP_WRITE));
}

void SimDisk::start(DeviceIo *io)
{
	if (!io->number)
		announce(io);
	io->submitted = content_.now();
	io->prev = nullptr;
	io->next = first_;
	if (first_)
		first_->prev = io;
	first_ = io;
	in_flight_++;
	world_.trace(options_.name.c_str(), io->op, io->sector, io->sectors);

	const uint64_t latency = options_.latency_ns + world_.disk_random().below(options_.latency_spread_ns + 1) +
				 extra_latency_ns_ + (options_.failing_ns && will_fail(*io) ? options_.failing_ns : 0);
	world_.scheduler().at(world_.now() + latency, [this, io] { complete(io); });
	if (world_.powered())
		world_.io_point(*this, *io, IoPhase::Submitted);
}

void SimDisk::unlink(DeviceIo *io)
{
	if (io->prev)
		io->prev->next = io->next;
	else
		first_ = io->next;
	if (io->next)
		io->next->prev = io->prev;
	in_flight_--;
}

void SimDisk::complete(DeviceIo *io)
{
	unlink(io);
	io->status = perform(io);
	activity_ += io->sectors;
	if (io->status)
		counts_.errors++;
	world_.trace("done", io->number, io->status);
	if (world_.on_performed)
		world_.on_performed(*this, *io);
	world_.io_point(*this, *io, IoPhase::Performed);
	io->number = 0;
	// Nobody hears of what was completed in the moment of the cut.
	if (world_.powered())
		io->done(io);
}

dmr_status SimDisk::perform(DeviceIo *io)
{
	if (!valid(*io)) {
		char text[160];

		std::snprintf(text, sizeof(text), "%s: malformed I/O: op %d, sector %llu, %u sectors; the disk has %llu, blocks of %u",
			      options_.name.c_str(), io->op, static_cast<unsigned long long>(io->sector), io->sectors,
			      static_cast<unsigned long long>(sectors_), options_.logical_block_bytes);
		world_.violation(text);
		return DMR_STS_IOERR;
	}
	switch (io->op) {
	case DMR_OP_READ:
		counts_.reads++;
		return perform_read(io);
	case DMR_OP_WRITE:
	case DMR_OP_WRITE_ZEROES:
		counts_.writes++;
		return perform_write(io);
	case DMR_OP_DISCARD:
		counts_.discards++;
		if (!options_.discards)
			return DMR_STS_NOTSUPP;
		if (gone_ || read_only_)
			return gone_ ? gone_ : read_only_;
		content_.write(bytes(io->sector), nullptr, bytes(io->sectors), false);
		return DMR_STS_OK;
	case DMR_OP_FLUSH:
		counts_.flushes++;
		if (gone_)
			return gone_;
		return flush(io->submitted);
	}
	return DMR_STS_NOTSUPP;
}

dmr_status SimDisk::flush(uint64_t submitted)
{
	if (flush_failures_) {
		flush_failures_ -= flush_failures_ > 0;
		content_.fail_flush(submitted);
		return flush_status_;
	}
	content_.flush(submitted);
	return DMR_STS_OK;
}

const Fault *SimDisk::first_fault(uint64_t sector, uint64_t end, Failing failing, uint64_t *where) const
{
	for (auto it = faults_.lower_bound(sector); it != faults_.end() && it->first < end; ++it) {
		const Fault &fault = it->second;

		if (failing == Failing::reads ? fault.read : failing == Failing::writes ? fault.write : fault.read || fault.write) {
			*where = it->first;
			return &fault;
		}
	}
	return nullptr;
}

const Fault *SimDisk::read_fault(uint64_t sector, uint64_t sectors, uint64_t *where) const
{
	return first_fault(unit_start(sector), unit_end(sector + sectors - 1), Failing::reads, where);
}

// Only what is written as a whole need not be read.
const Fault *SimDisk::write_fault(uint64_t sector, uint64_t sectors, uint64_t *where) const
{
	const uint64_t end = sector + sectors;

	for (uint64_t unit = unit_start(sector); unit < end; unit = unit_end(unit)) {
		const bool whole = unit >= sector && unit_end(unit) <= end && unit_end(unit) - unit == unit_sectors_;

		if (const Fault *fault = first_fault(unit, unit_end(unit), whole ? Failing::writes : Failing::either, where))
			return fault;
	}
	return nullptr;
}

bool SimDisk::will_fail(const DeviceIo &io) const
{
	uint64_t ignored;

	if (!valid(io) || (io.op != DMR_OP_READ && io.op != DMR_OP_WRITE))
		return false;
	return (io.op == DMR_OP_READ ? read_fault(io.sector, io.sectors, &ignored) : write_fault(io.sector, io.sectors, &ignored)) != nullptr;
}

// Of a write: does what fails as one with this sector refuse it?
bool SimDisk::part_fails(const DeviceIo &io, uint64_t sector) const
{
	const uint64_t start = std::max(unit_start(sector), io.sector);
	uint64_t ignored;

	return write_fault(start, std::min(unit_end(sector), io.sector + io.sectors) - start, &ignored) != nullptr;
}

void SimDisk::used_up(uint64_t sector)
{
	auto it = faults_.find(sector);

	if (it->second.times > 0 && --it->second.times == 0)
		faults_.erase(it);
}

dmr_status SimDisk::perform_read(DeviceIo *io)
{
	uint64_t where = io->sector;

	if (const Fault *fault = gone_ ? nullptr : read_fault(io->sector, io->sectors, &where); gone_ || fault) {
		const dmr_status status = gone_ ? gone_ : fault->status;

		// What a failed read leaves in memory is nobody's data.
		std::memset(io->data, garbage, bytes(io->sectors));
		if (fault) {
			content_.read(bytes(io->sector), io->data, bytes(std::max(unit_start(where), io->sector) - io->sector));
			used_up(where);
		}
		return status;
	}
	content_.read(bytes(io->sector), io->data, bytes(io->sectors));
	return DMR_STS_OK;
}

dmr_status SimDisk::perform_write(DeviceIo *io)
{
	auto *data = static_cast<const uint8_t *>(io->data);
	const bool fua = io->flags & DMR_IO_FUA;
	uint64_t where;

	if (gone_ || read_only_)
		return gone_ ? gone_ : read_only_;
	const Fault *fault = write_fault(io->sector, io->sectors, &where);
	if (!fault) {
		content_.write(bytes(io->sector), data, bytes(io->sectors), fua && (options_.fua || !flush_failures_));
		for (auto it = faults_.lower_bound(io->sector);
		     it != faults_.end() && it->first < io->sector + io->sectors;)
			it = it->second.heals_on_write ? faults_.erase(it) : std::next(it);
		return fua && flushes_for_fua() ? flush(io->submitted) : static_cast<dmr_status>(DMR_STS_OK);
	}

	// A failed write may have changed any of the blocks that are not bad, and the caller cannot know which.
	const dmr_status status = fault->status;
	const uint64_t style = world_.disk_random().below(3);
	for (uint64_t s = io->sector; s < io->sector + io->sectors; s += block_sectors_) {
		if (part_fails(*io, s))
			continue;
		if (style == 0 ? s > where : style == 1 && world_.disk_random().below(2))
			continue;
		content_.write(bytes(s), data ? data + bytes(s - io->sector) : nullptr, bytes(block_sectors_), fua);
	}
	used_up(where);
	return status;
}

void SimDisk::peek(uint64_t sector, void *out, uint32_t sectors) const
{
	content_.read(bytes(sector), out, bytes(sectors));
}

void SimDisk::poke(uint64_t sector, const void *data, uint32_t sectors)
{
	content_.poke(bytes(sector), data, bytes(sectors));
}

void SimDisk::rot(uint64_t sector, uint32_t byte, uint8_t mask)
{
	content_.rot(bytes(sector) + byte, mask);
}

bool SimDisk::all_zero(uint64_t sector, uint64_t sectors) const
{
	bool zero = true;

	content_.newest().for_each([&](uint64_t at, const uint8_t *chunk) {
		for (uint64_t i = 0; i < SparseBytes::chunk_bytes; i++)
			if (chunk[i] && at + i >= bytes(sector) && at + i < bytes(sector + sectors))
				zero = false;
	});
	return zero;
}

void SimDisk::fail(uint64_t first, uint64_t count, const Fault &fault)
{
	for (uint64_t s = first; s < first + count; s++) {
		faults_[s] = fault;
		faults_[s].number = ++fault_numbers_;
	}
}

void SimDisk::heal(uint64_t first, uint64_t count)
{
	faults_.erase(faults_.lower_bound(first), faults_.lower_bound(first + count));
}

void SimDisk::heal_all()
{
	faults_.clear();
	gone_ = read_only_ = DMR_STS_OK;
	flush_failures_ = 0;
	extra_latency_ns_ = 0;
}

void SimDisk::set_gone(bool gone, dmr_status status)
{
	gone_ = gone ? status : static_cast<dmr_status>(DMR_STS_OK);
}

void SimDisk::set_read_only(bool ro, dmr_status status)
{
	read_only_ = ro ? status : static_cast<dmr_status>(DMR_STS_OK);
}

void SimDisk::fail_flushes(int32_t times, dmr_status status)
{
	flush_failures_ = times;
	flush_status_ = status;
}

void SimDisk::freeze()
{
	// The list has the newest first; versions are in the order of submission.
	DeviceIo *last = first_;
	while (last && last->next)
		last = last->next;
	for (DeviceIo *io = last; io; io = io->prev) {
		if ((io->op != DMR_OP_WRITE && io->op != DMR_OP_WRITE_ZEROES) || !valid(*io) || gone_ || read_only_)
			continue;
		auto *data = static_cast<const uint8_t *>(io->data);
		for (uint64_t s = io->sector; s < io->sector + io->sectors; s += block_sectors_) {
			if (!part_fails(*io, s))
				content_.freeze_in_flight(bytes(s), data ? data + bytes(s - io->sector) : nullptr,
							  bytes(block_sectors_));
		}
	}
	first_ = nullptr;
	in_flight_ = 0;
}

void SimDisk::power_cut(Random &random)
{
	const uint64_t style = random.below(4);

	power_cut([&](const Unflushed &u) -> uint32_t {
		switch (style) {
		case 0:
			return 0;
		case 1:
			return u.versions;
		case 2:
			return random.below(2) ? u.versions : 0;
		default:
			return static_cast<uint32_t>(random.below(u.versions + 1));
		}
	});
}

} // namespace dm_remap::host
