// SPDX-License-Identifier: GPL-2.0
// What power cuts leave of disks: a prefix of the journal, and of what each disk had not flushed then any part of it.
//
// A disk loses, keeps or tears unflushed writes as it likes, by sectors; sectors are whole. What a flush has covered,
// and a write with FUA, is there.
#ifndef DMR_CRASH_STATE_HH
#define DMR_CRASH_STATE_HH

#include "journal.hh"

#include "host/random.hh"

#include <array>
#include <memory>
#include <unordered_map>

namespace dm_remap::crash {

constexpr size_t chunk_bytes = 4096;

// One disk's content in one state: shares what is durable, keeps what differs. A writer changes this state alone.
class Image final {
public:
	Image(std::span<const uint8_t> durable) : durable_(durable) {}

	uint64_t bytes() const { return durable_.size(); }
	void read(uint64_t at, void *out, size_t n) const;
	void write(uint64_t at, const void *data, size_t n);
	// A chunk of 4 KiB by its number.
	const uint8_t *chunk(uint64_t number) const;

private:
	std::span<const uint8_t> durable_;
	std::unordered_map<uint64_t, std::unique_ptr<std::array<uint8_t, chunk_bytes>>> own_;
};

// How a disk treats what it has not flushed. latest: a few of the last writes are kept, those before are lost.
enum class Fate { drawn, lost, kept, latest, by_write, by_sector, mixed };

// Whether this sector begins a superblock of ext4, on whatever disk it lies: main, or a spare that it was moved to. It has
// two sectors, and ext4 counts on a cut not tearing them: torn, neither the kernel nor e2fsck reads it, on a bare disk as
// well, and what the journal knows of it is out of reach. So a write leaves both of them or none.
bool begins_ext4_superblock(const uint8_t *sector);

// One disk as it is after the entries applied so far.
class DiskHistory final {
public:
	explicit DiskHistory(uint64_t bytes);

	void apply(const Entry &entry);
	// Invalid after the next apply().
	Image survivors(host::Random &random, Fate fate) const;
	std::span<const uint8_t> durable() const { return durable_; }
	// Chunks that were ever written, each once.
	const std::vector<uint64_t> &touched() const { return touched_; }
	size_t unflushed() const { return pending_.size(); }

private:
	struct Pending {
		const Entry *entry;
		bool durable; // FUA: older ones must not cover it
	};

	void settle();

	std::vector<uint8_t> durable_;
	std::vector<Pending> pending_;
	std::vector<uint64_t> touched_;
	std::vector<bool> is_touched_;
};

// All disks of a journal, moved on from cut to cut.
class Composer final {
public:
	explicit Composer(const Journal &journal);

	// After the first `entries` entries; not backwards.
	void advance(uint64_t entries);
	uint64_t position() const { return position_; }
	const DiskHistory &disk(size_t number) const { return disks_[number]; }
	// A state of all disks, drawn. Invalid after the next advance().
	std::vector<Image> draw(uint64_t seed) const;

private:
	const Journal &journal_;
	std::vector<DiskHistory> disks_;
	uint64_t position_ = 0;
};

} // namespace dm_remap::crash

#endif
