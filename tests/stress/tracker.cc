// SPDX-License-Identifier: GPL-2.0
#include "tracker.hh"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace dm_remap::stress {

namespace {

constexpr uint64_t most_sectors = 1024;
// A page of the cache.
constexpr uint64_t page_sectors = 8;

// What the map says of an I/O that failed, and what becomes of it in the page cache.
bool medium_or_io(int error)
{
	return error == EIO || error == ENODATA || error == EREMOTEIO;
}

} // namespace

void Tracker::Buffer::operator()(uint8_t *p) const
{
	std::free(p);
}

Tracker::Tracker(Subject &subject, uint32_t number)
	: subject_(subject), first_(tracker_area(subject.side, number)), buffered_(through_cache(subject.side, number)),
	  data_(static_cast<uint8_t *>(std::aligned_alloc(4096, most_sectors * sector_bytes))),
	  seen_(static_cast<uint8_t *>(std::aligned_alloc(4096, most_sectors * sector_bytes))), oracle_(area_sectors),
	  begun_(area_sectors), changing_(area_sectors)
{
	open();
}

Tracker::~Tracker()
{
	close();
}

void Tracker::open()
{
	direct_ = ::open(subject_.path().c_str(), O_RDWR | O_DIRECT | O_CLOEXEC);
	cached_ = ::open(subject_.path().c_str(), O_RDWR | O_CLOEXEC);
	subject_.must(direct_ >= 0 && cached_ >= 0, "opening the device");
}

void Tracker::close()
{
	::close(direct_);
	::close(cached_);
	direct_ = cached_ = -1;
}

void Tracker::wrong(const std::string &what, const Range &range, int error)
{
	subject_.watch.found(what + ", area at sector " + std::to_string(first_) + ", sectors " +
			     std::to_string(range.start) + ":" + std::to_string(range.count) +
			     (error ? std::string(": ") + std::strerror(error) : ""));
}

// Through the page cache whole pages are written, or it would have to read first.
Tracker::Range Tracker::range_of(const Action &action) const
{
	Range range{action.start, action.sectors};

	if (buffered_) {
		const uint64_t end = (range.start + range.count + page_sectors - 1) / page_sectors * page_sectors;

		range.start = range.start / page_sectors * page_sectors;
		range.count = end - range.start;
	}
	return range;
}

void Tracker::perform(const Action &action)
{
	const Range range = range_of(action);

	switch (action.kind) {
	case Kind::write:
		return write(action, false);
	case Kind::write_durable:
		return write(action, true);
	case Kind::write_over_bad:
		return write_over_bad(action);
	case Kind::write_zeroes:
	case Kind::discard:
		// These drop what is in the page cache.
		sync();
		return zeroes(action.kind, range);
	case Kind::sync:
		return sync();
	default:
		read(Kind::read, range, data_.get(), true);
	}
}

void Tracker::change_begins(const Range &range)
{
	for (uint64_t s = range.start; s < range.start + range.count; s++) {
		begun_[s]++;
		changing_[s]++;
	}
}

void Tracker::change_ends(const Range &range)
{
	for (uint64_t s = range.start; s < range.start + range.count; s++)
		changing_[s]--;
}

void Tracker::finish(const Pending &write, bool ok)
{
	const std::lock_guard guard(mutex_);

	oracle_.end_write(write.number, write.range.start, uint32_t(write.range.count), ok, [](uint64_t) { return true; });
	change_ends(write.range);
	if (ok)
		subject_.faults.written(first_ + write.range.start, write.range.count, write.submitted);
}

void Tracker::write(const Action &action, bool durable)
{
	const Busy busy(text(action));
	const Range range = range_of(action);
	const size_t bytes = range.count * sector_bytes;
	Pending write{0, range, now()};

	{
		const std::lock_guard guard(mutex_);

		write.number = oracle_.begin_write(range.start, uint32_t(range.count), false);
		change_begins(range);
	}
	for (uint64_t i = 0; i < range.count; i++)
		sim::fill_sector(data_.get() + i * sector_bytes, range.start + i, write.number);
	const iovec vector{data_.get(), bytes};
	const ssize_t written = pwritev2(buffered_ ? cached_ : direct_, &vector, 1, off_t((first_ + range.start) * sector_bytes),
					 durable ? RWF_DSYNC : 0);
	const int error = written < 0 ? errno : 0;
	const bool ok = written == ssize_t(bytes);

	if (buffered_ && !durable && ok) {
		pending_.push_back(write);
		subject_.watch.count(subject_.side, action.kind, Watch::done);
		return;
	}
	finish(write, ok);
	subject_.watch.count(subject_.side, action.kind, ok ? Watch::done : Watch::failed);
	// A durable one is a write and a flush.
	const bool explained = subject_.faults.explains_write(first_ + range.start, range.count, write.submitted, now()) ||
			       (durable && subject_.faults.explains_flush(last_syncs_[0], now()));

	if (!ok && (!medium_or_io(error) || !explained))
		wrong(std::string(name_of(action.kind)) + " fails, for no known reason", range, error);
}

// Sectors go bad just before they are written.
void Tracker::write_over_bad(const Action &action)
{
	const Range range = range_of(action);
	const uint64_t skip = action.which % range.count;
	const uint64_t count = 1 + (action.which >> 10) % std::min<uint64_t>(range.count - skip, 8);

	// Mostly the gate's, which are quick to come.
	subject_.main_bad(first_ + range.start + skip, count, action.which >> 29);
	write(action, action.which >> 28 & 1);
}

// Whatever was to be zeroes may be it; only zeroes that were written must be.
void Tracker::zeroes(Kind kind, const Range &range)
{
	const Busy busy(name_of(kind));
	const uint64_t bytes[2] = {(first_ + range.start) * sector_bytes, range.count * sector_bytes};
	Pending write{0, range, now()};

	{
		const std::lock_guard guard(mutex_);

		write.number = oracle_.begin_write(range.start, uint32_t(range.count), true);
		change_begins(range);
	}
	const int error = ioctl(direct_, kind == Kind::discard ? BLKDISCARD : BLKZEROOUT, bytes) ? errno : 0;

	finish(write, !error && kind == Kind::write_zeroes);
	if (!error)
		return subject_.watch.count(subject_.side, kind, Watch::done);
	// A discard is advice: what the disks make of it goes up as it is.
	const bool explained = kind == Kind::discard ?
				       error == EOPNOTSUPP || subject_.side == Side::rough :
				       subject_.faults.explains_write(first_ + range.start, range.count, write.submitted, now());

	subject_.watch.count(subject_.side, kind, error == EOPNOTSUPP ? Watch::refused : Watch::failed);
	if (explained && (medium_or_io(error) || kind == Kind::discard))
		return;
	wrong(std::string(name_of(kind)) + " fails, for no known reason", range, error);
}

void Tracker::sync()
{
	const Busy busy("sync");
	const Moment begun = now();
	const int error = fdatasync(buffered_ ? cached_ : direct_) ? errno : 0;
	const Moment ended = now();
	const bool explained = subject_.faults.explains_flush(last_syncs_[0], ended);

	for (const Pending &write : pending_)
		finish(write, !error);
	pending_.clear();
	last_syncs_[0] = last_syncs_[1];
	last_syncs_[1] = begun;
	subject_.watch.count(subject_.side, Kind::sync, error ? Watch::failed : Watch::done);
	if (error && (!medium_or_io(error) || !explained))
		wrong("sync fails, for no known reason", {0, 0}, error);
}

bool Tracker::read(Kind kind, const Range &range, uint8_t *buffer, bool errors)
{
	const Busy busy(std::string(name_of(kind)) + " " + std::to_string(first_ + range.start) + ":" +
			std::to_string(range.count));
	const size_t bytes = range.count * sector_bytes;
	std::vector<uint32_t> before;
	sim::Tick tick;

	{
		const std::lock_guard guard(mutex_);

		tick = oracle_.begin_read();
		before.assign(begun_.begin() + ptrdiff_t(range.start), begun_.begin() + ptrdiff_t(range.start + range.count));
		for (uint64_t i = 0; i < range.count; i++)
			before[i] -= changing_[range.start + i];
	}
	const Moment begun = now();
	const ssize_t got = pread(direct_, buffer, bytes, off_t((first_ + range.start) * sector_bytes));
	const int error = got < 0 ? errno : 0;
	const Moment ended = now();
	std::string what;

	{
		const std::lock_guard guard(mutex_);

		for (uint64_t i = 0; got == ssize_t(bytes) && i < range.count && what.empty(); i++) {
			// What has changed meanwhile, also if it had begun before, is the owner's to judge.
			if (before[i] == begun_[range.start + i])
				what = oracle_.check(tick, range.start + i, buffer + i * sector_bytes);
		}
		oracle_.end_read(tick);
	}
	subject_.watch.count(subject_.side, kind, got == ssize_t(bytes) ? Watch::done : Watch::failed);
	if (!what.empty())
		wrong(std::string(name_of(kind)) + ": " + what, range);
	else if (got != ssize_t(bytes) &&
		 (!errors || !medium_or_io(error) ||
		  !subject_.faults.explains_read(first_ + range.start, range.count, begun, ended)))
		wrong(std::string(name_of(kind)) + " fails, for no known reason", range, error);
	return got == ssize_t(bytes);
}

void Tracker::look(const Action &action)
{
	read(Kind::look, {action.start, action.sectors}, seen_.get(), true);
}

void Tracker::read_all()
{
	if (direct_ < 0)
		open();
	for (uint64_t at = 0; at < area_sectors; at += most_sectors)
		read(Kind::read, {at, most_sectors}, data_.get(), false);
}

} // namespace dm_remap::stress
