// SPDX-License-Identifier: GPL-2.0
// The engine's memory: counted, made to fail on demand, dropped as a whole at a power cut.
#ifndef DMR_HOST_MEMORY_HH
#define DMR_HOST_MEMORY_HH

#include "host/random.hh"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dm_remap::host {

// Everything allocated during one boot of a World, or, without a World, by the process. Not thread-safe by itself;
// kernel_api's functions lock the process-wide one.
class Memory final {
public:
	explicit Memory(uint64_t seed = 0) : random_(seed) {}
	~Memory() { drop_all(); }
	Memory(const Memory &) = delete;
	Memory &operator=(const Memory &) = delete;

	// As dmr_alloc() and so on; nullptr also when a failure was ordered.
	void *allocate(size_t bytes);
	static void release(void *p); // to the Memory it came from
	void *allocate_buffer(size_t bytes);
	void release_buffer(void *p, size_t bytes);

	// [data, data + bytes) lies in one live I/O buffer.
	bool in_buffer(const void *data, size_t bytes) const;

	// Forget all of it: what a power cut does.
	void drop_all();

	// Fail each allocation with this chance, in 65536ths. 0: none.
	void fail_chance(uint32_t per_65536) { chance_ = per_65536; }
	// Fail the k-th allocation from now on (1: the next), once. 0: none.
	void fail_nth(uint64_t k) { nth_ = k; }
	// Counts as an allocation, and says whether it fails: for objects that come from elsewhere.
	bool fail_now();
	uint64_t failures() const { return failures_; }
	// Allocations asked for since the beginning, to choose k.
	uint64_t allocations() const { return allocations_; }

	uint64_t live() const { return live_; }
	// What was asked for, I/O buffers too: now, and at most at a time.
	uint64_t bytes() const { return bytes_; }
	uint64_t most_bytes() const { return most_bytes_; }
	// One line per live allocation: its number and size.
	std::string describe_live() const;

	void count_object(int delta) { objects_ += delta; }
	// Locks, conditions and sets of workers that were created and not destroyed.
	int64_t objects() const { return objects_; }

private:
	struct Header;

	void count_bytes(uint64_t more)
	{
		bytes_ += more;
		most_bytes_ = bytes_ > most_bytes_ ? bytes_ : most_bytes_;
	}

	Header *first_ = nullptr;
	std::map<uintptr_t, size_t> buffers_;
	Random random_;
	uint32_t chance_ = 0;
	uint64_t nth_ = 0, failures_ = 0, allocations_ = 0, live_ = 0;
	uint64_t bytes_ = 0, most_bytes_ = 0;
	int64_t objects_ = 0;
};

} // namespace dm_remap::host

#endif
