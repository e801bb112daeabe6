// SPDX-License-Identifier: GPL-2.0
// The bytes of a simulated disk: what is durable, and what waits in its volatile cache.
#ifndef DMR_HOST_DISK_CONTENT_HH
#define DMR_HOST_DISK_CONTENT_HH

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace dm_remap::host {

// A sparse byte array in chunks of 4 KiB that copies share until one of them writes. What was never written is zero.
class SparseBytes final {
public:
	static constexpr uint64_t chunk_bytes = 4096;

	void read(uint64_t at, void *out, size_t n) const;
	void write(uint64_t at, const void *data, size_t n); // data nullptr: zeroes
	bool operator==(const SparseBytes &other) const;
	// In order of their place: call for every chunk that was ever written.
	void for_each(const std::function<void(uint64_t at, const uint8_t *bytes)> &f) const;

private:
	struct Chunk {
		uint8_t bytes[chunk_bytes];
	};
	std::unordered_map<uint64_t, std::shared_ptr<Chunk>> chunks_;
};

// A block whose newest content is not durable. After a power cut it holds what was durable or any one of the versions.
struct Unflushed {
	uint64_t sector;	// of the first sector of the block
	uint32_t versions;	// at least 1; the last one is what a read returns, or what was in flight at the cut
	bool in_flight;		// the last version belongs to a write that had not completed
};

// Which version of a block survives: 0 what was durable, k the k-th version, at most Unflushed::versions.
using Survivor = std::function<uint32_t(const Unflushed &)>;

// Content in blocks (the unit that is never torn). A copy is a snapshot: it shares what neither changes.
class DiskContent final {
public:
	DiskContent(uint32_t block_bytes, bool volatile_cache)
		: block_bytes_(block_bytes), volatile_cache_(volatile_cache) {}

	// What the newest completed writes left. Units: bytes.
	void read(uint64_t at, void *out, size_t n) const { newest_.read(at, out, n); }

	// A write completes. data nullptr: zeroes. Whole blocks.
	void write(uint64_t at, const void *data, size_t n, bool durable);
	// A number later than that of every write so far: what a flush remembers when it is submitted.
	uint64_t now() const { return clock_; }
	// A flush completes that was submitted at `submitted`: earlier writes are durable.
	void flush(uint64_t submitted);
	// It fails: earlier writes are in the cache still, but no flush will make them durable any more.
	void fail_flush(uint64_t submitted) { lost_until_ = submitted > lost_until_ ? submitted : lost_until_; }
	// The power goes while this write is under way: it may have reached the medium.
	void freeze_in_flight(uint64_t at, const void *data, size_t n);
	// The medium itself changes, and nothing else: bytes ^= mask, durable or not.
	void rot(uint64_t at, uint8_t mask);
	// Past all caches.
	void poke(uint64_t at, const void *data, size_t n);

	// In order of sectors.
	std::vector<Unflushed> unflushed() const;
	size_t unflushed_count() const { return pending_.size(); }
	// After this nothing is unflushed.
	void power_cut(const Survivor &survivor);

	const SparseBytes &newest() const { return newest_; }
	uint32_t block_bytes() const { return block_bytes_; }

private:
	using Bytes = std::shared_ptr<uint8_t[]>;
	struct Version {
		uint64_t number;
		Bytes bytes;
		bool in_flight;
	};
	struct Pending {
		Bytes durable;
		std::vector<Version> versions;
	};

	struct Origin {
		uint64_t number;
		bool in_flight;
	};

	void add_versions(uint64_t at, const void *data, size_t n, Origin origin);
	Unflushed describe(uint64_t block, const Pending &p) const;

	uint32_t block_bytes_;
	bool volatile_cache_;
	uint64_t clock_ = 0;
	uint64_t lost_until_ = 0; // what was written by then, and is not durable, never will be
	SparseBytes newest_;
	std::map<uint64_t, Pending> pending_; // by block number
};

} // namespace dm_remap::host

#endif
