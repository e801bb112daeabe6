// SPDX-License-Identifier: GPL-2.0
// Real threads: one writer, several readers, under ThreadSanitizer. Memory is given back after a real grace period, and
// its first 16 bytes are overwritten at once, as dmr_free_rcu() may: that no reader looks at them is part of the test.
#include "core/index/extent_index.hh"

#include <dm_remap/kernel_api.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <thread>
#include <vector>

using namespace dm_remap;

namespace {

constexpr uint32_t reader_count = 2;

// Odd while the reader is inside a section.
struct alignas(64) Reader {
	std::atomic<uint64_t> section{0};
};
Reader readers[reader_count];
std::vector<void *> deferred;	// the writer's
int64_t live;			// the writer's

class Section {
public:
	explicit Section(Reader &reader) : reader_(reader) { reader_.section.fetch_add(1, std::memory_order_seq_cst); }
	~Section() { reader_.section.fetch_add(1, std::memory_order_seq_cst); }

private:
	Reader &reader_;
};

void grace_period()
{
	for (Reader &reader : readers) {
		uint64_t seen = reader.section.load(std::memory_order_seq_cst);

		while (seen % 2 == 1 && reader.section.load(std::memory_order_seq_cst) == seen)
			std::this_thread::yield();
	}
	for (void *p : deferred)
		dmr_free(p);
	deferred.clear();
}

} // namespace

extern "C" void *dmr_alloc(size_t bytes)
{
	live++;
	return std::calloc(1, bytes);
}

extern "C" void dmr_free(void *p)
{
	live -= p != nullptr;
	std::free(p);
}

extern "C" void dmr_free_rcu(void *p)
{
	std::memset(p, 0xa5, 16);
	deferred.push_back(p);
}

extern "C" void dmr_rcu_synchronize()
{
	grace_period();
}

namespace {

// What a reader can check without knowing the history. Main is cut into stripes; each transaction sets pairs of
// stripes, one in either half, to the same version: a state in which they differ was never published. Within a
// stripe the spare block follows from main block and version, whatever extents it is made of.
constexpr uint64_t stripes = 600;	// in either half
constexpr uint64_t stripe = 64;
constexpr uint64_t half = stripes * stripe;
constexpr uint64_t version_unit = 1ull << 32;

Extent piece(uint64_t start, uint64_t length, uint64_t version)
{
	return {MainBlock(start), Blocks(length), ExtentKind::mapped, static_cast<uint8_t>(version % 16),
		SpareBlock(version * version_unit + start)};
}

// The version the stripe's block is at; 0: nothing is said of it.
uint64_t version_of(const IndexAnswer &answer, uint64_t block, bool &good)
{
	const Extent &e = answer.extent;

	if (!answer.found) {
		good = good && e.start.value == block && e.length.value > 0;
		return 0;
	}
	uint64_t version = e.spare.value / version_unit;

	good = good && e.start.value <= block && block < e.end().value && e.kind == ExtentKind::mapped &&
	       e.spare.value % version_unit == e.start.value && e.member == version % 16;
	return version;
}

void read_until(const ExtentIndex &index, Reader &reader, uint64_t seed, const std::atomic<bool> &stop,
		std::atomic<uint64_t> &lookups, std::atomic<uint64_t> &wrong)
{
	std::mt19937_64 random(seed);
	std::vector<uint64_t> newest(stripes);	// versions never go back
	bool good = true;
	uint64_t n = 0;

	for (; !stop.load(std::memory_order_relaxed) && good; n++) {
		const uint64_t at = random() % stripes;
		const uint64_t offset = at * stripe + random() % stripe;
		const Section section(reader);

		// Two lookups are two states: the later one is at least as new.
		const uint64_t first = version_of(index.lookup(MainBlock(offset), MainBlock(2 * half)), offset, good);
		const uint64_t second =
			version_of(index.lookup(MainBlock(half + offset), MainBlock(2 * half)), half + offset, good);
		if (first != 0)
			good = good && first >= newest[at];
		if (second != 0 && first != 0)
			good = good && second >= first;
		newest[at] = std::max({newest[at], first, second});
	}
	lookups += n;
	wrong += !good;
}

TEST(ExtentIndexThreads, ReadersSeeOnlyPublishedStates)
{
	ExtentIndex index;
	std::atomic<bool> stop{false};
	std::atomic<uint64_t> lookups{0}, wrong{0};
	std::vector<std::thread> threads;
	std::mt19937_64 random(7);

	ASSERT_FALSE(index.init());
	for (uint32_t i = 0; i < reader_count; i++)
		threads.emplace_back(read_until, std::cref(index), std::ref(readers[i]), i + 1, std::cref(stop),
				     std::ref(lookups), std::ref(wrong));

	for (uint64_t version = 1; version <= 800 && wrong == 0; version++) {
		const uint64_t count = 1 + random() % 4;
		const uint32_t edits = static_cast<uint32_t>(count * 2 * (version % 15 == 3 ? stripe : 1) + 1);

		ASSERT_EQ(index.prepare(edits), edits);
		for (uint64_t i = 0; i < count; i++) {
			const uint64_t start = random() % stripes * stripe;

			for (uint64_t base : {start, half + start}) {
				if (version % 5 == 0) {
					ASSERT_FALSE(index.clear(MainBlock(base), Blocks(stripe)));
				} else if (version % 15 == 3) { // in pieces that stay apart, to grow the tree
					for (uint64_t b = 0; b < stripe; b += 2)
						ASSERT_FALSE(index.put(piece(base + b, 1, version)));
					for (uint64_t b = 1; b < stripe; b += 2)
						ASSERT_FALSE(index.clear(MainBlock(base + b), Blocks(1)));
				} else {
					ASSERT_FALSE(index.put(piece(base, stripe, version)));
				}
			}
		}
		if (version % 200 == 0) {
			ASSERT_FALSE(index.clear(MainBlock(0), Blocks(2 * half)));
		}
		index.publish();
		if (version % 4 == 0)
			grace_period();
	}
	stop = true;
	for (std::thread &thread : threads)
		thread.join();
	EXPECT_EQ(wrong, 0u);
	EXPECT_GT(lookups, 1000u);
	index.destroy();
	grace_period();
	EXPECT_EQ(live, 0);
}

} // namespace
