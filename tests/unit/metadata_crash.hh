// SPDX-License-Identifier: GPL-2.0
// Power cuts at every point of an operation, and what the disks may hold then.
#ifndef DMR_TESTS_METADATA_CRASH_HH
#define DMR_TESTS_METADATA_CRASH_HH

#include "metadata_fixture.hh"

#include "host/random.hh"

#include <functional>

namespace dm_remap::metadata_test {

// What a fiber owns when the power goes is lost with its stack, so operations keep nothing on the heap but in the Set.
using Operation = std::function<void(Set &)>;
using Check = std::function<void(Set &, const std::string &how)>;

// Ways in which the disks may come out of a cut: each subset of a few unflushed sectors, of more of them nothing, all,
// some prefixes, and chance.
inline void for_each_survival(Set &set, const Options &options, size_t most, host::Random &random, const Check &check)
{
	std::vector<DiskContent> cut;
	size_t blocks = 0;

	for (uint32_t i = 0; i < options.members + options.others; i++) {
		cut.push_back(set.disk(i).snapshot());
		blocks += set.disk(i).unflushed().size();
	}
	bool every = blocks <= 8 && size_t{1} << blocks <= most;
	size_t variants = every ? size_t{1} << blocks : most;

	for (size_t variant = 0; variant < variants; variant++) {
		size_t at = 0, prefix = variant == 1 ? blocks : variant ? random.below(blocks) : 0;

		for (uint32_t i = 0; i < options.members + options.others; i++) {
			set.disk(i).restore(cut[i]);
			set.disk(i).power_cut([&](const Unflushed &u) -> uint32_t {
				size_t index = at++;

				if (every)
					return variant >> index & 1 ? u.versions : 0;
				if (variant < most / 2)
					return index < prefix ? u.versions : 0;
				return static_cast<uint32_t>(random.below(u.versions + 1));
			});
		}
		check(set, "survivors " + std::to_string(variant));
		if (testing::Test::HasFatalFailure())
			return;
	}
}

// The power goes at each point of `operation` in turn; check looks at ways it may come out, at most so many.
inline void cut_everywhere(const Options &options, size_t most, const Operation &prepare, const Operation &operation,
		    const Check &check)
{
	host::Random random(3);
	uint64_t cuts = 0;

	for (uint64_t k = 1;; k++) {
		Set set(options);

		prepare(set);
		set.world.cut_after(k);
		if (set.world.run_fiber("operation", [&] { operation(set); }) != host::Stop::PowerCut)
			break;
		cuts++;
		set.world.reboot();
		set.forget();
		for_each_survival(set, options, most, random, [&](Set &s, const std::string &how) {
			check(s, "cut " + std::to_string(k) + ", " + how);
		});
		if (testing::Test::HasFatalFailure())
			return;
	}
	EXPECT_GE(cuts, 4u);
}

// What was loaded is one of these, and the set lives on from it.
inline void expect_one_of(Set &set, const std::vector<Map> &allowed, const std::string &how)
{
	bool found = false;

	ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
	for (const Map &map : allowed)
		found |= set.loaded == map;
	ASSERT_TRUE(found) << how;
	set.map = set.loaded;
	if (set.report.needs_checkpoint) {
		ASSERT_EQ(set.checkpoint(set.map), 0) << how;
		ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
		ASSERT_EQ(set.loaded, set.map) << how;
		ASSERT_FALSE(set.report.needs_checkpoint) << how;
	}
	set.commits(2);
	ASSERT_EQ(set.load(), 0) << how << ": " << set.reason;
	ASSERT_EQ(set.loaded, set.map) << how;
	set.close();
}

} // namespace dm_remap::metadata_test

#endif
