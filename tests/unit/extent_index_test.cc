// SPDX-License-Identifier: GPL-2.0
// The index against a plain map, with memory that is counted, fails on order, and has its first bytes overwritten as
// dmr_free_rcu() may. The test brings its own dmr_alloc() so that nothing else allocates.
#include <core/extent_index.hh>

#include <dm_remap/kernel_api.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <vector>

using namespace dm_remap;

namespace {

struct TestMemory {
	int64_t live = 0;
	uint64_t allowed = ~0ull;	// allocations that still succeed
	std::vector<void *> deferred;

	void grace_period()
	{
		for (void *p : deferred)
			dmr_free(p);
		deferred.clear();
	}
} memory;

} // namespace

extern "C" void *dmr_alloc(size_t bytes)
{
	if (memory.allowed == 0)
		return nullptr;
	memory.allowed--;
	memory.live++;
	return std::calloc(1, bytes);
}

extern "C" void dmr_free(void *p)
{
	memory.live -= p != nullptr;
	std::free(p);
}

extern "C" void dmr_free_rcu(void *p)
{
	std::memset(p, 0xa5, 16);
	memory.deferred.push_back(p);
}

namespace {

constexpr uint64_t far = ~0ull;

Extent mapped(uint64_t start, uint64_t length, uint64_t spare, uint8_t member = 0)
{
	return {MainBlock(start), Blocks(length), ExtentKind::mapped, member, SpareBlock(spare)};
}

Extent pending(uint64_t start, uint64_t length)
{
	return {MainBlock(start), Blocks(length), ExtentKind::pending, 0, SpareBlock(0)};
}

Extent in_doubt(uint64_t start, uint64_t length)
{
	return {MainBlock(start), Blocks(length), ExtentKind::in_doubt, 0, SpareBlock(0)};
}

bool same(const Extent &a, const Extent &b)
{
	return a.start == b.start && a.length == b.length && a.kind == b.kind && a.member == b.member &&
	       a.spare == b.spare;
}

std::string text(const Extent &e)
{
	static const char *const kinds[] = {"mapped", "pending", "in doubt"};

	return "[" + std::to_string(e.start.value) + " +" + std::to_string(e.length.value) + " " +
	       kinds[static_cast<int>(e.kind)] + " " + std::to_string(e.member) + ":" +
	       std::to_string(e.spare.value) + "]";
}

std::vector<Extent> walk(const ExtentIndex &index)
{
	std::vector<Extent> all;
	Extent e;

	for (MainBlock at(0); index.first_from(at, e); at = e.end())
		all.push_back(e);
	return all;
}

std::string text(const std::vector<Extent> &all)
{
	std::string out;

	for (const Extent &e : all)
		out += text(e);
	return out;
}

class ExtentIndexTest : public testing::Test {
protected:
	void SetUp() override
	{
		memory = TestMemory();
		ASSERT_FALSE(index.init());
	}

	void TearDown() override
	{
		memory.allowed = far;
		index.destroy();
		memory.grace_period();
		EXPECT_EQ(memory.live, 0);
	}

	void put(const Extent &e) { ASSERT_EQ(index.put(e).code(), 0) << text(e); }
	void clear(uint64_t start, uint64_t length)
	{
		ASSERT_EQ(index.clear(MainBlock(start), Blocks(length)).code(), 0) << start << " +" << length;
	}
	std::string all() const { return text(walk(index)); }
	std::string published(uint64_t block, uint64_t limit = far) const
	{
		return describe(index.lookup(MainBlock(block), MainBlock(limit)));
	}
	std::string unpublished(uint64_t block, uint64_t limit = far) const
	{
		return describe(index.peek(MainBlock(block), MainBlock(limit)));
	}
	static std::string describe(const IndexAnswer &a)
	{
		return a.found ? text(a.extent)
			       : "none " + std::to_string(a.extent.start.value) + " +" +
					 std::to_string(a.extent.length.value);
	}

	ExtentIndex index;
};

TEST_F(ExtentIndexTest, EmptyIndexFindsNothingUpToTheLimit)
{
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(published(0, 100), "none 0 +100");
	EXPECT_EQ(published(99, 100), "none 99 +1");
	EXPECT_EQ(all(), "");
	EXPECT_EQ(index.memory(), 0u);
}

TEST_F(ExtentIndexTest, EditsShowOnlyAfterPublish)
{
	put(mapped(100, 10, 7, 3));
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(published(105), "none 105 +" + std::to_string(far - 105));
	EXPECT_EQ(unpublished(105), "[100 +10 mapped 3:7]");
	index.publish();
	EXPECT_FALSE(index.empty());
	EXPECT_EQ(published(105), "[100 +10 mapped 3:7]");

	clear(100, 10);
	EXPECT_EQ(published(105), "[100 +10 mapped 3:7]");
	EXPECT_EQ(unpublished(105, 200), "none 105 +95");
	index.publish();
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(published(105, 200), "none 105 +95");
}

TEST_F(ExtentIndexTest, NotFoundReachesToTheNextExtentOrTheLimit)
{
	put(mapped(100, 10, 0));
	put(pending(200, 1));
	index.publish();
	EXPECT_EQ(published(0), "none 0 +100");
	EXPECT_EQ(published(99), "none 99 +1");
	EXPECT_EQ(published(99, 100), "none 99 +1");
	EXPECT_EQ(published(10, 50), "none 10 +40");
	EXPECT_EQ(published(100), "[100 +10 mapped 0:0]");
	EXPECT_EQ(published(109), "[100 +10 mapped 0:0]");
	EXPECT_EQ(published(110), "none 110 +90");
	EXPECT_EQ(published(110, 150), "none 110 +40");
	EXPECT_EQ(published(200, 201), "[200 +1 pending 0:0]");
	EXPECT_EQ(published(201, 1000), "none 201 +799");
}

TEST_F(ExtentIndexTest, GapsAreExactAcrossNodes)
{
	for (uint64_t i = 0; i < 20000; i++)
		put(mapped(i * 10 + 5, 2, i * 4));
	index.publish();
	for (uint64_t i = 0; i < 20000; i++) {
		ASSERT_EQ(published(i * 10), "none " + std::to_string(i * 10) + " +5");
		ASSERT_EQ(published(i * 10 + 6), text(mapped(i * 10 + 5, 2, i * 4)));
		ASSERT_EQ(published(i * 10 + 7, 200000), "none " + std::to_string(i * 10 + 7) + " +" +
								 std::to_string(i == 19999 ? 3 : 8));
	}
}

TEST_F(ExtentIndexTest, NeighboursThatContinueBecomeOne)
{
	put(mapped(10, 5, 100));
	put(mapped(20, 5, 110));
	put(mapped(15, 5, 105));
	EXPECT_EQ(all(), "[10 +15 mapped 0:100]");
	put(pending(30, 1));
	put(pending(32, 1));
	put(pending(31, 1));
	EXPECT_EQ(all(), "[10 +15 mapped 0:100][30 +3 pending 0:0]");
	put(in_doubt(33, 2));
	put(in_doubt(35, 2));
	EXPECT_EQ(all(), "[10 +15 mapped 0:100][30 +3 pending 0:0][33 +4 in doubt 0:0]");
	EXPECT_EQ(index.extents(), 3u);
	EXPECT_EQ(index.mapped_extents(), 1u);
	EXPECT_EQ(index.mapped().value, 15u);
	EXPECT_EQ(index.pending().value, 3u);
}

TEST_F(ExtentIndexTest, NeighboursThatDoNotContinueStayApart)
{
	put(mapped(10, 5, 100, 1));
	put(mapped(15, 5, 105, 2));	// another member
	put(mapped(20, 5, 111, 2));	// a hole on the spare
	put(pending(25, 5));		// another kind
	EXPECT_EQ(all(), "[10 +5 mapped 1:100][15 +5 mapped 2:105][20 +5 mapped 2:111][25 +5 pending 0:0]");
}

TEST_F(ExtentIndexTest, MergingStopsAtTheLongestExtent)
{
	const uint64_t most = ExtentIndex::max_extent_length;

	put(pending(1, most - 1));
	put(pending(most, 1));
	EXPECT_EQ(all(), text(pending(1, most)));
	put(pending(most + 1, 1));
	put(pending(0, 1));
	EXPECT_EQ(all(), text({pending(0, 1), pending(1, most), pending(most + 1, 1)}));
	EXPECT_EQ(index.pending().value, most + 2);
	put(pending(most / 2, 3)); // splits nothing: the same is said already
	EXPECT_EQ(index.pending().value, most + 2);
	put(mapped(1, most, 5));
	EXPECT_EQ(all(), text({pending(0, 1), mapped(1, most, 5), pending(most + 1, 1)}));
}

TEST_F(ExtentIndexTest, RefusesWhatIsNoExtentAndChangesNothing)
{
	const uint64_t most_spare = ExtentIndex::max_spare_block;

	put(pending(5, 5));
	EXPECT_EQ(index.put(pending(7, 0)).code(), EINVAL);
	EXPECT_EQ(index.put(pending(7, ExtentIndex::max_extent_length + 1)).code(), EINVAL);
	EXPECT_EQ(index.put(pending(far, 1)).code(), EINVAL);
	EXPECT_EQ(index.put(pending(far - 1, 2)).code(), EINVAL);
	EXPECT_EQ(index.put(mapped(7, 1, most_spare + 1)).code(), EINVAL);
	EXPECT_EQ(index.put(mapped(7, 2, most_spare)).code(), EINVAL);
	EXPECT_EQ(index.clear(MainBlock(7), Blocks(0)).code(), EINVAL);
	EXPECT_EQ(index.clear(MainBlock(7), Blocks(far)).code(), EINVAL);
	EXPECT_EQ(all(), "[5 +5 pending 0:0]");
	put(mapped(far - 1, 1, most_spare, 255));
	EXPECT_EQ(unpublished(far - 1), text(mapped(far - 1, 1, most_spare, 255)));
}

TEST_F(ExtentIndexTest, MemberAndSpareMeanNothingWhenNotMapped)
{
	Extent e = pending(10, 2);

	e.member = 9;
	e.spare = SpareBlock(77);
	put(e);
	put(pending(12, 2));
	EXPECT_EQ(all(), "[10 +4 pending 0:0]");
}

TEST_F(ExtentIndexTest, PutReplacesParts)
{
	put(mapped(100, 100, 1000));
	put(pending(150, 10));
	EXPECT_EQ(all(), "[100 +50 mapped 0:1000][150 +10 pending 0:0][160 +40 mapped 0:1060]");
	put(pending(90, 20));
	EXPECT_EQ(all(), "[90 +20 pending 0:0][110 +40 mapped 0:1010][150 +10 pending 0:0][160 +40 mapped 0:1060]");
	put(mapped(150, 10, 1050));
	EXPECT_EQ(all(), "[90 +20 pending 0:0][110 +90 mapped 0:1010]");
	put(mapped(0, 300, 5000, 1));
	EXPECT_EQ(all(), "[0 +300 mapped 1:5000]");
	put(mapped(100, 10, 5100, 1));
	EXPECT_EQ(all(), "[0 +300 mapped 1:5000]");
}

TEST_F(ExtentIndexTest, ClearCutsAndRemoves)
{
	put(mapped(100, 100, 1000));
	clear(140, 20);
	EXPECT_EQ(all(), "[100 +40 mapped 0:1000][160 +40 mapped 0:1060]");
	clear(0, 110);
	EXPECT_EQ(all(), "[110 +30 mapped 0:1010][160 +40 mapped 0:1060]");
	clear(190, 1000);
	EXPECT_EQ(all(), "[110 +30 mapped 0:1010][160 +30 mapped 0:1060]");
	clear(140, 20);
	clear(130, 40);
	EXPECT_EQ(all(), "[110 +20 mapped 0:1010][170 +20 mapped 0:1070]");
	EXPECT_EQ(index.mapped().value, 40u);
	clear(0, far - 1);
	EXPECT_EQ(all(), "");
	EXPECT_EQ(index.mapped().value, 0u);
	EXPECT_EQ(index.extents(), 0u);
	EXPECT_EQ(index.memory(), 0u);
}

TEST_F(ExtentIndexTest, IncreasingLoadFillsLeaves)
{
	const uint64_t n = 100000;

	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	EXPECT_EQ(index.extents(), n);
	EXPECT_LE(index.memory(), n / 50 * 1024 * 105 / 100);
}

TEST_F(ExtentIndexTest, LoadsInOtherOrdersLeaveLeavesHalfFull)
{
	const uint64_t n = 30000;
	std::mt19937_64 random(4);
	std::vector<uint64_t> order(n);

	std::iota(order.rbegin(), order.rend(), 0);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i : order)
			put(mapped(i * 3, 1, i));
		EXPECT_EQ(index.extents(), n);
		EXPECT_LE(index.memory(), n / 25 * 1024 * 105 / 100);
		clear(0, n * 3);
		std::shuffle(order.begin(), order.end(), random);
	}
}

TEST_F(ExtentIndexTest, ThinnedOutNodesAreGivenBack)
{
	std::mt19937_64 random(3);
	const uint64_t n = 100000;

	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	const uint64_t full = index.memory();
	std::vector<uint64_t> order(n);
	std::iota(order.begin(), order.end(), 0);
	std::shuffle(order.begin(), order.end(), random);
	for (uint64_t i = 0; i < n * 99 / 100; i++)
		clear(order[i] * 3, 1);
	EXPECT_EQ(index.extents(), n / 100);
	EXPECT_LE(index.memory(), full / 15);
	for (uint64_t i = n * 99 / 100; i < n; i++)
		ASSERT_TRUE(index.peek(MainBlock(order[i] * 3), MainBlock(far)).found);
}

TEST_F(ExtentIndexTest, OneEditOverThousandsOfExtentsNeedsOnlyTheReserve)
{
	const uint64_t n = 60000;

	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.grace_period();
	for (uint64_t margin : {1000, 300, 7, 0}) {
		ASSERT_EQ(index.prepare(1), 1u);
		memory.allowed = 0;
		put(pending(margin, n * 3 - 2 * margin));
		memory.allowed = far;
		index.publish();
		memory.grace_period();
		ASSERT_EQ(published(n), text(pending(margin, n * 3 - 2 * margin)));
	}
	EXPECT_EQ(index.extents(), 1u);
	EXPECT_EQ(index.memory(), 1024u);
}

TEST_F(ExtentIndexTest, WithoutMemoryPrepareSaysZeroOnceTheReserveIsGone)
{
	uint32_t transactions = 0;

	for (uint64_t i = 0; i < 60000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.allowed = 0;
	for (; index.prepare(1) == 1; transactions++) {
		put(pending(transactions * 6000 + 1, 1));
		index.publish();
	}
	EXPECT_GE(transactions, 4u);
	for (uint32_t i = 0; i < transactions; i++)
		EXPECT_TRUE(index.lookup(MainBlock(i * 6000 + 1), MainBlock(far)).found);
	memory.allowed = far;
	EXPECT_EQ(index.prepare(1), 1u);
}

TEST_F(ExtentIndexTest, AnEditThatFailsChangesNothing)
{
	const uint64_t n = 5000;

	memory.allowed = far;
	for (uint64_t i = 0; i < n; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	memory.allowed = 0;

	uint64_t done = 0;
	Error error = Error::none();
	std::string before;
	for (; !error && done < n; done++) { // the kept nodes last for a while
		before = all();
		error = index.put(pending(done * 3 + 1, 1));
	}
	EXPECT_EQ(error.code(), ENOMEM);
	EXPECT_EQ(all(), before);
	EXPECT_EQ(index.clear(MainBlock(0), Blocks(far - 1)).code(), ENOMEM);
	EXPECT_EQ(all(), before);

	// The load that failed did not touch the reserve.
	EXPECT_EQ(index.prepare(1), 1u);
	EXPECT_EQ(index.put(pending(n * 3, 7)).code(), 0);
	index.publish();
	EXPECT_EQ(published(n * 3), text(pending(n * 3, 7)));
}

TEST_F(ExtentIndexTest, PrepareAssuresFewerWhenMemoryIsShort)
{
	for (uint64_t i = 0; i < 5000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	for (uint64_t allowed : {0, 1, 5, 20, 100, 400}) {
		memory.allowed = allowed;
		uint32_t assured = index.prepare(1000);
		memory.allowed = 0;
		ASSERT_GE(assured, 1u);
		ASSERT_LT(assured, 1000u);
		for (uint32_t i = 0; i < assured; i++)
			put(pending(i * 15 % 15000 + 1, 1));
		index.publish();
		memory.allowed = far;
		ASSERT_EQ(index.prepare(3), 3u);
	}
}

TEST_F(ExtentIndexTest, InitFailsCleanlyWithoutMemory)
{
	for (uint64_t allowed = 0; allowed < ExtentIndex::default_reserve; allowed++) {
		ExtentIndex other;

		memory.allowed = allowed;
		EXPECT_EQ(other.init().code(), ENOMEM);
	}
	memory.allowed = far;
	EXPECT_EQ(memory.live, int64_t(ExtentIndex::default_reserve)); // the fixture's
}

TEST_F(ExtentIndexTest, DestroyFreesAnUnpublishedTransactionToo)
{
	for (uint64_t i = 0; i < 5000; i++)
		put(mapped(i * 3, 1, i));
	index.publish();
	for (uint64_t i = 0; i < 5000; i += 7)
		put(pending(i * 3, 2));
	clear(3000, 1000);
	index.destroy();
	EXPECT_EQ(memory.live, 0);
	EXPECT_TRUE(index.empty());
	EXPECT_EQ(index.extents(), 0u);
}

// ---- against a model ----

// Pieces that do not overlap; continuing ones are joined only when they are listed.
class Model {
public:
	void clear(uint64_t start, uint64_t length)
	{
		cut(start);
		cut(start + length);
		pieces_.erase(pieces_.lower_bound(start), pieces_.lower_bound(start + length));
	}
	void put(const Extent &e)
	{
		clear(e.start.value, e.length.value);
		pieces_[e.start.value] = e;
	}
	std::vector<Extent> list() const
	{
		std::vector<Extent> all;

		for (const auto &[start, e] : pieces_) {
			if (!all.empty() && all.back().end() == e.start && all.back().kind == e.kind &&
			    all.back().member == e.member &&
			    (e.kind != ExtentKind::mapped || all.back().spare + all.back().length == e.spare))
				all.back().length = all.back().length + e.length;
			else
				all.push_back(e);
		}
		return all;
	}

private:
	void cut(uint64_t at)
	{
		auto it = pieces_.lower_bound(at);

		if (it == pieces_.begin())
			return;
		Extent &e = (--it)->second;
		if (e.end().value <= at)
			return;
		Extent rest = e;
		Blocks skip(at - e.start.value);
		rest.start = MainBlock(at);
		rest.length = e.length - skip;
		if (e.kind == ExtentKind::mapped)
			rest.spare = e.spare + skip;
		e.length = skip;
		pieces_[at] = rest;
	}

	std::map<uint64_t, Extent> pieces_;
};

class Random {
public:
	explicit Random(uint64_t seed) : engine_(seed) {}
	uint64_t below(uint64_t n) { return engine_() % n; }
	std::mt19937_64 &engine() { return engine_; }

private:
	std::mt19937_64 engine_;
};

// An edit in [0, size): mostly short; spare blocks often such that neighbours continue.
struct Edit {
	bool is_clear;
	Extent extent;
};

Edit random_edit(Random &random, uint64_t size)
{
	Edit edit;
	uint64_t shape = random.below(100);
	uint64_t most = shape < 70 ? 4 : shape < 97 ? 60 : size / 3 + 1;
	uint64_t length = 1 + random.below(most);
	uint64_t start = random.below(size);

	length = std::min(length, size - start);
	uint64_t kind = random.below(10);
	edit.is_clear = kind < 3;
	if (kind < 7)
		edit.extent = mapped(start, length, random.below(8) ? start + 1000 : random.below(1 << 20),
				     static_cast<uint8_t>(random.below(2)));
	else
		edit.extent = kind < 9 ? pending(start, length) : in_doubt(start, length);
	return edit;
}

void check_lookups(const std::vector<Extent> &all, uint64_t size, const ExtentIndex &index, bool unpublished,
		   Random &random, uint32_t samples)
{
	auto ask = [&](uint64_t block, uint64_t limit) {
		return unpublished ? index.peek(MainBlock(block), MainBlock(limit))
				   : index.lookup(MainBlock(block), MainBlock(limit));
	};
	for (uint32_t i = 0; i < samples; i++) {
		uint64_t block = random.below(size);
		uint64_t limit = block + 1 + random.below(random.below(2) ? 8 : size);
		auto it = std::upper_bound(all.begin(), all.end(), block,
					   [](uint64_t b, const Extent &e) { return b < e.end().value; });
		IndexAnswer answer = ask(block, limit);

		if (it != all.end() && it->start.value <= block) {
			ASSERT_TRUE(answer.found) << block;
			ASSERT_TRUE(same(answer.extent, *it)) << text(answer.extent) << text(*it);
		} else {
			uint64_t end = it == all.end() ? limit : std::min(limit, it->start.value);

			ASSERT_FALSE(answer.found) << block;
			ASSERT_EQ(answer.extent.start.value, block);
			ASSERT_EQ(answer.extent.end().value, end) << block;
		}
	}
}

void check_all(const std::vector<Extent> &all, const ExtentIndex &index)
{
	uint64_t mapped_extents = 0, mapped_blocks = 0, pending_blocks = 0;
	std::vector<Extent> found = walk(index);

	ASSERT_EQ(found.size(), all.size());
	for (size_t i = 0; i < all.size(); i++)
		ASSERT_TRUE(same(found[i], all[i])) << text(found[i]) << " instead of " << text(all[i]);
	for (const Extent &e : all) {
		mapped_extents += e.kind == ExtentKind::mapped;
		mapped_blocks += e.kind == ExtentKind::mapped ? e.length.value : 0;
		pending_blocks += e.kind == ExtentKind::pending ? e.length.value : 0;
	}
	ASSERT_EQ(index.extents(), all.size());
	ASSERT_EQ(index.mapped_extents(), mapped_extents);
	ASSERT_EQ(index.mapped().value, mapped_blocks);
	ASSERT_EQ(index.pending().value, pending_blocks);
	ASSERT_GE(index.memory(), all.size() * 20);
}

Error apply(ExtentIndex &index, const Edit &edit)
{
	return edit.is_clear ? index.clear(edit.extent.start, edit.extent.length) : index.put(edit.extent);
}

void apply(Model &model, const Edit &edit)
{
	if (edit.is_clear)
		model.clear(edit.extent.start.value, edit.extent.length.value);
	else
		model.put(edit.extent);
}

// Transactions of random edits; the published state is compared while the next one is under way. Without a reserve
// the pool holds exactly what prepare() found necessary, and then memory is out: the bound itself is on trial.
void run_model(uint64_t seed, uint64_t size, uint32_t transactions, uint32_t most_edits, uint32_t density)
{
	SCOPED_TRACE("seed " + std::to_string(seed) + ", size " + std::to_string(size));
	Random random(seed);
	ExtentIndex index;
	Model model;
	std::vector<Extent> published;

	memory = TestMemory();
	ASSERT_FALSE(index.init(0));
	for (uint64_t start = 1; density && start + 1 < size; start += 1 + random.below(density)) {
		Edit edit = {false, mapped(start, 1, random.below(1 << 20))};
		ASSERT_FALSE(apply(index, edit));
		apply(model, edit);
	}
	index.publish();
	published = model.list();
	check_all(published, index);
	for (uint32_t t = 0; t < transactions; t++) {
		uint32_t edits = static_cast<uint32_t>(1 + random.below(most_edits));

		if (random.below(4) == 0)
			memory.allowed = random.below(100);
		uint32_t assured = index.prepare(edits);
		ASSERT_TRUE(assured == edits || memory.allowed == 0);
		memory.allowed = 0;
		for (uint32_t i = 0; i < assured; i++) {
			Edit edit = random_edit(random, size);
			ASSERT_FALSE(apply(index, edit));
			apply(model, edit);
		}
		check_lookups(published, size, index, false, random, 20);
		std::vector<Extent> now = model.list();
		check_lookups(now, size, index, true, random, 20);
		memory.allowed = far;
		index.publish();
		if (random.below(2))
			memory.grace_period();
		check_lookups(now, size, index, false, random, 50);
		check_all(now, index);
		if (testing::Test::HasFatalFailure())
			return;
		published = std::move(now);
	}
	index.destroy();
	memory.grace_period();
	ASSERT_EQ(memory.live, 0);
}

TEST(ExtentIndexModel, SmallSpace)
{
	for (uint64_t seed = 1; seed <= 60 && !testing::Test::HasFatalFailure(); seed++)
		run_model(seed, 40 + seed * 7, 100, 20, seed % 3);
}

TEST(ExtentIndexModel, SomeNodes)
{
	for (uint64_t seed = 1; seed <= 12 && !testing::Test::HasFatalFailure(); seed++)
		run_model(seed, 20000, 60, 60, 4);
}

TEST(ExtentIndexModel, ManyLevels)
{
	for (uint64_t seed = 1; seed <= 2 && !testing::Test::HasFatalFailure(); seed++)
		run_model(seed, 1000000, 10, 400, 7);
}

// Every node full, the range from the very end of one subtree of the root to the middle of another: two paths are
// copied and one of them splits at each level, up to a new root.
TEST(ExtentIndexModel, TheWorstEditStaysWithinTheBound)
{
	const uint64_t per_child = 50 * 62, n = per_child * 62;
	ExtentIndex index;

	memory = TestMemory();
	ASSERT_FALSE(index.init(0));
	for (uint64_t i = 0; i < n; i++)
		ASSERT_FALSE(index.put(mapped(i * 10, 5, i * 10)));
	index.publish();
	ASSERT_EQ(index.memory(), (n / 50 + n / per_child + 1) * 1024);
	ASSERT_EQ(index.prepare(1), 1u);
	memory.allowed = 0;
	const uint64_t from = (per_child - 1) * 10 + 2, to = (per_child + 77) * 10 + 3;
	ASSERT_FALSE(index.put(pending(from, to - from)));
	memory.allowed = far;
	EXPECT_EQ(text(index.peek(MainBlock(from - 1), MainBlock(far)).extent), text(mapped(from - 2, 2, from - 2)));
	EXPECT_EQ(text(index.peek(MainBlock(from), MainBlock(far)).extent), text(pending(from, to - from)));
	EXPECT_EQ(text(index.peek(MainBlock(to), MainBlock(far)).extent), text(mapped(to, 2, to)));
	EXPECT_EQ(index.extents(), n - 79 + 3);
	index.publish();
	index.destroy();
	memory.grace_period();
	EXPECT_EQ(memory.live, 0);
}

TEST(ExtentIndexModel, EditsThatOnlySplitStayWithinTheBound)
{
	Random random(11);

	memory = TestMemory();
	for (uint64_t first : {0, 49, 50, 3000, 3099, 3100, 3101, 20000}) {
		ExtentIndex index;

		ASSERT_FALSE(index.init(0));
		for (uint64_t i = 0; i < first; i++) // full leaves, the worst that can be met
			ASSERT_FALSE(index.put(mapped(i * 1000, 900, i * 1000)));
		index.publish();
		for (uint32_t edits : {1, 2, 3, 10, 100, 1000}) {
			ASSERT_EQ(index.prepare(edits), edits);
			memory.allowed = 0;
			for (uint32_t i = 0; i < edits; i++)
				ASSERT_FALSE(index.put(pending(random.below(first + 1) * 1000 + random.below(900), 1)));
			memory.allowed = far;
			index.publish();
			memory.grace_period();
		}
		index.destroy();
	}
	EXPECT_EQ(memory.live, 0);
}

} // namespace
