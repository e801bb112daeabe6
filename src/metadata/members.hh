// SPDX-License-Identifier: GPL-2.0
// The members' areas as units: reading and writing them, on one member or on all.
#ifndef DMR_METADATA_MEMBERS_HH
#define DMR_METADATA_MEMBERS_HH

#include "metadata/codec.hh"

namespace dm_remap::metadata {

// The area of one member.
class Area final {
public:
	Area() = default;
	Area(const dmr_member_range &range, uint32_t unit_bytes)
		: dev_(range.dev), start_(area_start(Sectors(range.start), unit_bytes)), unit_bytes_(unit_bytes) {}

	dmr_device *dev() const { return dev_; }
	uint32_t unit_bytes() const { return unit_bytes_; }
	// On the device.
	Sectors sector(UnitNumber unit) const { return start_ + Sectors(unit.value * unit_sectors()); }

	// Units [first, first + n) to buffer, unit_bytes() apart. Bit i of the answer: unit first + i could be read;
	// those that could not hold anything. n <= 32.
	uint32_t read(UnitNumber first, uint32_t n, void *buffer) const;
	Error write(UnitNumber first, uint32_t n, const void *buffer, uint32_t flags) const;

private:
	uint32_t unit_sectors() const { return unit_bytes_ / format::sector_bytes; }

	dmr_device *dev_ = nullptr;
	Sectors start_;
	uint32_t unit_bytes_ = format::unit_content_bytes;
};

// Is member i in this set of members, a bit each?
constexpr bool has(uint32_t members, uint32_t i)
{
	return members >> i & 1;
}

// All members of a set, with the buffers that all I/O goes through. Takes no lock: callers are serialised.
class Members final {
public:
	static constexpr uint32_t buffer_bytes = 64 * 1024;
	static constexpr uint32_t most_drafts = buffer_bytes / format::unit_content_bytes;

	Members() = default;
	Members(const Members &) = delete;
	Members &operator=(const Members &) = delete;

	// ranges: setup.member_count of them. Allocates. Nobody takes part yet.
	Error init(dmr_instance *inst, const dmr_member_range *ranges, const dmr_setup &setup);
	void destroy();
	// The setup has changed.
	void adopt(const dmr_setup &setup);
	// The range of a slot, or none any more.
	void attach(uint32_t i, const dmr_member_range &range, uint32_t unit_bytes);
	void detach(uint32_t i) { attach(i, {}, format::unit_content_bytes); }

	const Layout &layout() const { return layout_; }
	const RecordLimits &limits() const { return limits_; }
	bool there(uint32_t i) const { return areas_[i].dev(); }
	const Area &area(uint32_t i) const { return areas_[i]; }
	const dmr_member_range &range(uint32_t i) const { return ranges_[i]; }
	// Units that one transfer carries, whatever the member: the drafts that are there.
	uint32_t batch() const { return batch_; }

	// Who has all that was committed, and is read and written. any.
	uint32_t current() const { return __atomic_load_n(&current_, __ATOMIC_RELAXED); }
	// Who is behind, or new: not read, written by the checkpoint that brings them up to date.
	uint32_t incoming() const { return incoming_; }
	uint32_t taking_part() const { return current_ | incoming_; }
	void set_parts(uint32_t current, uint32_t incoming);
	// It takes part no more: nothing is read from it, nothing written to it.
	void leave(uint32_t i);

	Place place(uint32_t member, Kind kind, Copy copy, UnitNumber unit) const
	{
		return {set_, uuids_[member], kind, copy, unit};
	}

	// Units being composed, or chosen among the copies that were read.
	format::Unit &draft(uint32_t i) { return *reinterpret_cast<format::Unit *>(drafts_ + i * sizeof(format::Unit)); }
	void clear_drafts(uint32_t n) { __builtin_memset(drafts_, 0, n * sizeof(format::Unit)); }

	// Read units of one member: as Area::read. The units are then at loaded().
	uint32_t read(uint32_t member, UnitNumber first, uint32_t n) { return areas_[member].read(first, n, io_); }
	const format::Unit &loaded(uint32_t member, uint32_t i) const
	{
		return *reinterpret_cast<const format::Unit *>(io_ + i * areas_[member].unit_bytes());
	}

	// Seal drafts [0, n) and write them to `first`.. of one member; of all in `to` that take part, one after the other.
	// The drafts stay as they are but for what seal() fills in. A member that fails leaves: see who is left.
	void write(uint32_t member, Kind kind, Copy copy, UnitNumber first, uint32_t n, const Moment &moment, uint32_t flags);
	void write_all(uint32_t to, Kind kind, Copy copy, UnitNumber first, uint32_t n, const Moment &moment, uint32_t flags);
	void flush(uint32_t which);
	// See dmr_metadata_ops.
	uint32_t take_lost()
	{
		uint32_t lost = lost_;

		lost_ = 0;
		return lost;
	}
	// Does something of ours begin at this sector of the member's device? Not if it cannot be read.
	bool ours(uint32_t member, Sectors sector);
	// n bytes of zeroes; n <= buffer_bytes. A member that fails leaves, if it took part.
	void write_zeroes(uint32_t member, Sectors sector, uint32_t n);

private:
	void fail(uint32_t i, const char *what);
	// Of a write. A device without FUA flushes for it, and that may be what has failed.
	void fail_write(uint32_t i, uint32_t flags);

	dmr_instance *inst_ = nullptr;
	Layout layout_;
	RecordLimits limits_;
	uint32_t current_ = 0, incoming_ = 0;
	uint32_t lost_ = 0;
	uint32_t batch_ = most_drafts;
	uint8_t set_[DMR_UUID_SIZE] = {};
	uint8_t uuids_[DMR_MAX_MEMBERS][DMR_UUID_SIZE] = {};
	dmr_member_range ranges_[DMR_MAX_MEMBERS] = {};
	Area areas_[DMR_MAX_MEMBERS];
	uint8_t *io_ = nullptr;
	uint8_t *drafts_ = nullptr;
};

// A status of the block layer as an error of ours.
constexpr Error io_error(dmr_status status)
{
	return status == DMR_STS_OK ? Error::none() : Error(EIO);
}

} // namespace dm_remap::metadata

#endif
