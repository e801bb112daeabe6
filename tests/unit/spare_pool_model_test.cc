// SPDX-License-Identifier: GPL-2.0
// Random calls against the plainest model there is: a character for each block.
#include <dm_remap/spare_pool.h>

#include "host/world.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

extern "C" const dmr_spare_pool_ops dmr_spare_pool_operations;

namespace {

using dm_remap::host::Random;
using dm_remap::host::World;

constexpr const dmr_spare_pool_ops &ops = dmr_spare_pool_operations;
constexpr uint64_t chunk = 32768;

// '.' free, 'u' used, 'b' bad.
struct ModelMember {
	uint64_t first;
	std::vector<char> blocks;
	uint64_t cursor = 0;
	bool open = true;

	uint64_t count(char c) const { return static_cast<uint64_t>(std::count(blocks.begin(), blocks.end(), c)); }
	bool inside(const dmr_spare_extent &e) const
	{
		return e.length && e.block >= first && e.block + e.length <= first + blocks.size();
	}
	bool all(const dmr_spare_extent &e, char c) const
	{
		return std::all_of(begin(e), begin(e) + e.length, [c](char x) { return x == c; });
	}
	std::vector<char>::const_iterator begin(const dmr_spare_extent &e) const
	{
		return blocks.begin() + static_cast<ptrdiff_t>(e.block - first);
	}
	void fill(const dmr_spare_extent &e, char c)
	{
		std::fill_n(blocks.begin() + static_cast<ptrdiff_t>(e.block - first), e.length, c);
	}
	// Next fit, block by block.
	bool allocate(uint32_t wanted, uint64_t &block, uint32_t &length)
	{
		for (uint64_t i = 0; open && i < blocks.size(); i++) {
			const uint64_t at = (cursor + i) % blocks.size();

			if (blocks[at] != '.')
				continue;
			length = 0;
			while (length < wanted && at + length < blocks.size() && blocks[at + length] == '.')
				blocks[at + length++] = 'u';
			block = first + at;
			cursor = (at + length) % blocks.size();
			return true;
		}
		return false;
	}
};

class PoolModelTest : public testing::TestWithParam<uint64_t> {
protected:
	PoolModelTest() : world_(GetParam()), random_(GetParam()) {}

	void SetUp() override
	{
		ASSERT_EQ(ops.create(&pool_), 0);
		// Sizes round the edges of words and chunks.
		const uint64_t sizes[] = {1, 63, 65, 1000, chunk - 1, chunk, chunk + 1, 2 * chunk + 77};

		for (uint32_t m = 0; m < 3; m++) {
			const uint64_t first = random_.below(5000), size = sizes[random_.below(std::size(sizes))];

			members_.push_back({first, std::vector<char>(size, '.')});
			ASSERT_EQ(ops.add_member(pool_, m, first, first + size, false), 0);
		}
	}
	void TearDown() override
	{
		ops.destroy(pool_);
		EXPECT_EQ(world_.memory().live(), 0u);
	}

	// Mostly inside and near the edges of chunks, at times beyond the member.
	dmr_spare_extent draw(uint32_t longest)
	{
		const uint32_t m = static_cast<uint32_t>(random_.below(members_.size()));
		const ModelMember &member = members_[m];
		uint64_t at = random_.below(member.blocks.size() + 2);

		if (random_.chance(1, 4))
			at = std::min<uint64_t>(chunk, member.blocks.size()) - random_.below(3);
		const uint64_t block = member.first + at - random_.chance(1, 20);

		return {block, static_cast<uint32_t>(random_.between(1, longest)), m};
	}

	void allocate()
	{
		const uint32_t wanted = static_cast<uint32_t>(random_.chance(1, 20) ? 40000 : random_.between(1, 300));
		dmr_spare_extent got = {};
		const int err = ops.allocate(pool_, wanted, &got);

		for (uint32_t m = 0; m < members_.size(); m++) {
			uint64_t block;
			uint32_t length;

			if (!members_[m].allocate(wanted, block, length))
				continue;
			ASSERT_EQ(err, 0);
			ASSERT_EQ(got.member, m);
			ASSERT_EQ(got.block, block);
			ASSERT_EQ(got.length, length);
			return;
		}
		ASSERT_EQ(err, -ENOSPC);
	}
	void reserve()
	{
		const dmr_spare_extent e = draw(50);
		ModelMember &m = members_[e.member];
		const int expected = !m.inside(e) ? -EINVAL : !m.all(e, '.') ? -EEXIST : 0;

		ASSERT_EQ(ops.reserve(pool_, &e), expected);
		if (!expected)
			m.fill(e, 'u');
	}
	void release()
	{
		const dmr_spare_extent e = draw(random_.chance(1, 3) ? 2000 : 20);
		ModelMember &m = members_[e.member];
		const bool fine = m.inside(e) && m.all(e, 'u');
		const size_t lines = world_.logs.size();

		ops.release(pool_, &e);
		ASSERT_EQ(world_.logs.size(), lines + !fine);
		if (fine)
			m.fill(e, '.');
	}
	void mark_bad()
	{
		const dmr_spare_extent e = draw(5);
		ModelMember &m = members_[e.member];

		ASSERT_EQ(ops.mark_bad(pool_, &e), m.inside(e) ? 0 : -EINVAL);
		if (m.inside(e))
			m.fill(e, 'b');
	}
	void open_or_close()
	{
		const uint32_t m = static_cast<uint32_t>(random_.below(members_.size()));

		members_[m].open = random_.chance(2, 3);
		ops.set_open(pool_, m, members_[m].open);
	}
	// Free what is used, now and then, so that removing succeeds too; one of another size takes its place.
	void replace_member()
	{
		const uint32_t m = static_cast<uint32_t>(random_.below(members_.size()));
		ModelMember &model = members_[m];

		if (random_.chance(1, 2))
			for (uint64_t i = 0; i < model.blocks.size(); i++)
				if (model.blocks[i] == 'u') {
					const dmr_spare_extent e = {model.first + i, 1, m};

					ops.release(pool_, &e);
					model.fill(e, '.');
				}
		ASSERT_EQ(ops.remove_member(pool_, m), model.count('u') ? -EBUSY : 0);
		if (model.count('u'))
			return;
		model = {random_.below(5000), std::vector<char>(random_.between(1, 2000), '.')};
		ASSERT_EQ(ops.add_member(pool_, m, model.first, model.first + model.blocks.size(), false), 0);
	}
	void check_usage()
	{
		for (uint32_t m = 0; m < members_.size(); m++) {
			dmr_pool_usage u;

			ops.usage(pool_, m, &u);
			ASSERT_EQ(u.total, members_[m].blocks.size());
			ASSERT_EQ(u.used, members_[m].count('u'));
			ASSERT_EQ(u.bad, members_[m].count('b'));
			ASSERT_EQ(u.free, members_[m].open ? members_[m].count('.') : 0);
		}
	}
	// The runs that next_bad() lists are the model's.
	void check_bad()
	{
		for (uint32_t m = 0; m < members_.size(); m++) {
			std::vector<char> seen(members_[m].blocks.size(), '.');
			dmr_spare_extent e;

			for (uint64_t from = 0; ops.next_bad(pool_, m, from, &e); from = e.block + e.length) {
				ASSERT_TRUE(members_[m].inside(e));
				std::fill_n(seen.begin() + static_cast<ptrdiff_t>(e.block - members_[m].first),
					    e.length, 'b');
			}
			for (size_t i = 0; i < seen.size(); i++)
				ASSERT_EQ(seen[i] == 'b', members_[m].blocks[i] == 'b')
					<< "member " << m << " block " << i;
		}
	}

	World world_;
	Random random_;
	dmr_pool *pool_ = nullptr;
	std::vector<ModelMember> members_;
};

TEST_P(PoolModelTest, DoesWhatTheModelDoes)
{
	world_.max_logs = 1u << 30;
	for (int step = 0; step < 2000 && !HasFatalFailure(); step++) {
		SCOPED_TRACE(step);
		switch (random_.below(8)) {
		case 0:
		case 1:
		case 2:
			allocate();
			break;
		case 3:
		case 4:
		case 5:
			release();
			break;
		case 6:
			reserve();
			break;
		default:
			if (random_.chance(1, 4))
				mark_bad();
			if (random_.chance(1, 4))
				open_or_close();
			if (random_.chance(1, 40))
				replace_member();
		}
		if (step % 50 == 0)
			check_usage();
	}
	check_usage();
	check_bad();
}

INSTANTIATE_TEST_SUITE_P(Seeds, PoolModelTest, testing::Range<uint64_t>(1, 17));

// With memory failing at random what is given is still free before and used after, and a refusal changes nothing.
class PoolFailureTest : public PoolModelTest {};

TEST_P(PoolFailureTest, NeverGivesTwiceWhateverMemoryDoes)
{
	world_.memory().fail_chance(static_cast<uint32_t>(random_.between(20000, 65536)));
	for (int step = 0; step < 2000; step++) {
		dmr_spare_extent e = {};

		if (random_.chance(1, 4)) {
			e = draw(5);
			if (ops.mark_bad(pool_, &e) == 0)
				members_[e.member].fill(e, 'b');
		} else if (random_.chance(1, 3)) {
			e = draw(100);
			if (ops.reserve(pool_, &e) == 0) {
				ASSERT_TRUE(members_[e.member].all(e, '.'));
				members_[e.member].fill(e, 'u');
			}
		} else if (ops.allocate(pool_, static_cast<uint32_t>(random_.between(1, 3000)), &e) == 0) {
			ASSERT_TRUE(members_[e.member].inside(e));
			ASSERT_TRUE(members_[e.member].all(e, '.'));
			members_[e.member].fill(e, 'u');
			if (random_.chance(1, 2)) {
				ops.release(pool_, &e);
				members_[e.member].fill(e, '.');
			}
		}
	}
	check_usage();
	check_bad();
}

INSTANTIATE_TEST_SUITE_P(Seeds, PoolFailureTest, testing::Range<uint64_t>(100, 112));

} // namespace
