// SPDX-License-Identifier: GPL-2.0
// Runs of blocks against the plainest model, a bit for each; and what they take.
#include "spare_pool/run_set.hh"

#include "host/world.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace {

using namespace dm_remap;
using dm_remap::host::Random;
using dm_remap::host::World;
using dm_remap::pool::RunSet;

constexpr uint64_t plenty = 64 << 20;

class RunSetTest : public testing::TestWithParam<uint64_t> {
protected:
	RunSetTest() : world_(GetParam()), random_(GetParam()) {}

	void TearDown() override
	{
		set_.destroy(budget_);
		EXPECT_EQ(budget_.bytes_left, plenty);
		EXPECT_EQ(world_.memory().live(), 0u) << world_.memory().describe_live();
	}
	uint64_t taken() const { return plenty - budget_.bytes_left; }

	World world_;
	Random random_;
	RunSet set_;
	RunSet::Budget budget_ = {plenty};
};

class RunSetModelTest : public RunSetTest {
protected:
	// Enough for dozens of pages when every other block is in it.
	static constexpr uint64_t blocks = 20000;

	uint64_t end_of(uint64_t from, bool value) const
	{
		while (from < blocks && model_[from] == value)
			from++;
		return from;
	}
	void change(bool add)
	{
		const uint64_t from = random_.below(blocks);

		if (model_[from] == add)
			return;
		const uint64_t end = std::min(end_of(from, !add), from + random_.between(1, random_.chance(1, 50) ? 400 : 3));
		const Error error = add ? set_.add(from, end, budget_) : set_.remove(from, end, budget_);

		if (error) {
			ASSERT_EQ(error.code(), ENOMEM);
			return;
		}
		std::fill(model_.begin() + static_cast<ptrdiff_t>(from), model_.begin() + static_cast<ptrdiff_t>(end), add);
	}
	void check()
	{
		ASSERT_EQ(set_.count(), static_cast<uint64_t>(std::count(model_.begin(), model_.end(), true)));
		for (uint64_t at = 0; at < blocks;) {
			const RunSet::Found found = set_.next(at);
			const uint64_t start = end_of(at, false);

			if (start == blocks) {
				ASSERT_TRUE(found.empty());
				return;
			}
			ASSERT_EQ(found.start, start);
			ASSERT_EQ(found.end, end_of(start, true));
			at = found.end;
		}
	}

	std::vector<bool> model_ = std::vector<bool>(blocks, false);
};

TEST_P(RunSetModelTest, DoesWhatTheModelDoes)
{
	// It fills up, then empties.
	for (uint32_t step = 0; step < 40000 && !HasFatalFailure(); step++) {
		change(random_.chance(step < 25000 ? 3 : 1, 4));
		if (step % 2000 == 0)
			check();
	}
	check();
}

TEST_P(RunSetModelTest, WithoutMemoryNothingChanges)
{
	for (uint32_t step = 0; step < 20000 && !HasFatalFailure(); step++) {
		world_.memory().fail_chance(step / 500 % 2 ? 65536 : 0);
		change(random_.chance(2, 3));
	}
	EXPECT_GT(world_.memory().failures(), 0u);
	check();
}

TEST_P(RunSetModelTest, OverlapAndContainment)
{
	for (uint32_t step = 0; step < 3000; step++)
		change(true);
	for (uint32_t step = 0; step < 3000; step++) {
		const uint64_t from = random_.below(blocks - 10), end = from + random_.between(1, 10);
		const auto first = model_.begin() + static_cast<ptrdiff_t>(from), last = model_.begin() + static_cast<ptrdiff_t>(end);

		ASSERT_EQ(set_.overlaps(from, end), std::find(first, last, true) != last);
		ASSERT_EQ(set_.contains(from, end), std::find(first, last, false) == last);
	}
}

INSTANTIATE_TEST_SUITE_P(Seeds, RunSetModelTest, testing::Range<uint64_t>(1, 7));

class RunSetMemoryTest : public RunSetTest {};

TEST_P(RunSetMemoryTest, ARunTakesAtMost32BytesWhereverItLies)
{
	constexpr uint64_t runs = 65536;

	for (uint64_t i = 0; i < runs; i++)
		// Every number once, in no order; far apart, as on a spare of petabytes.
		ASSERT_FALSE(set_.add((i * 40503 % runs) << 38, ((i * 40503 % runs) << 38) + 7, budget_));
	EXPECT_EQ(set_.count(), 7 * runs);
	EXPECT_LE(taken(), 33 * runs);
}

TEST_P(RunSetMemoryTest, InOrderHalfOfThat)
{
	constexpr uint64_t runs = 65536;

	for (uint64_t i = 0; i < runs; i++)
		ASSERT_FALSE(set_.add(i << 38, (i << 38) + 7, budget_));
	EXPECT_LE(taken(), 17 * runs);
	for (uint64_t i = 0; i < runs; i++)
		ASSERT_FALSE(set_.remove(i << 38, (i << 38) + 7, budget_));
	EXPECT_LE(taken(), 4096u);
}

TEST_P(RunSetMemoryTest, ALongRunTakesNoMoreThanAShortOne)
{
	ASSERT_FALSE(set_.add(0, uint64_t(1) << 54, budget_));
	EXPECT_LE(taken(), 8192u);
}

TEST_P(RunSetMemoryTest, BeyondTheBudgetNothingChanges)
{
	uint64_t n = 0;

	budget_ = {16384};
	while (!set_.add(2 * n, 2 * n + 1, budget_))
		n++;
	EXPECT_GT(n, 700u);
	EXPECT_EQ(set_.add(2 * n, 2 * n + 1, budget_).code(), E2BIG);
	EXPECT_EQ(set_.count(), n);
	EXPECT_FALSE(set_.add(1, 2, budget_)); // needs no memory
	EXPECT_EQ(set_.count(), n + 1);
	set_.destroy(budget_);
	EXPECT_EQ(budget_.bytes_left, 16384u);
	budget_ = {plenty};
}

INSTANTIATE_TEST_SUITE_P(Once, RunSetMemoryTest, testing::Values(uint64_t(1)));

} // namespace
