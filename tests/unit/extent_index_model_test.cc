// SPDX-License-Identifier: GPL-2.0
// The index against a plain map, transaction by transaction, with no more memory than prepare() asked for.
#include "extent_index_support.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

using namespace dm_remap;

namespace {

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
			    all.back().member == e.member && all.back().guarded == e.guarded &&
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
		edit.extent = kind < 8 ? pending(start, length) : kind < 9 ? lost(start, length) : in_doubt(start, length);
	edit.extent.guarded = kind < 7 && random.below(3) == 0;
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
	uint64_t mapped_extents = 0, mapped_blocks = 0, pending_blocks = 0, lost_blocks = 0, guarded_blocks = 0;
	std::vector<Extent> found = walk(index);

	ASSERT_EQ(found.size(), all.size());
	for (size_t i = 0; i < all.size(); i++)
		ASSERT_TRUE(same(found[i], all[i])) << text(found[i]) << " instead of " << text(all[i]);
	for (const Extent &e : all) {
		mapped_extents += e.kind == ExtentKind::mapped;
		mapped_blocks += e.kind == ExtentKind::mapped ? e.length.value : 0;
		pending_blocks += e.kind == ExtentKind::pending ? e.length.value : 0;
		lost_blocks += e.kind == ExtentKind::lost ? e.length.value : 0;
		guarded_blocks += e.guarded ? e.length.value : 0;
	}
	ASSERT_EQ(index.extents(), all.size());
	ASSERT_EQ(index.mapped_extents(), mapped_extents);
	ASSERT_EQ(index.mapped().value, mapped_blocks);
	ASSERT_EQ(index.pending().value, pending_blocks);
	ASSERT_EQ(index.lost().value, lost_blocks);
	ASSERT_EQ(index.guarded().value, guarded_blocks);
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
