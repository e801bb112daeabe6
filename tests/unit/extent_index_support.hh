// SPDX-License-Identifier: GPL-2.0
// For the tests of the index: a dmr_alloc() of their own, so that nothing else allocates, with memory that is counted,
// fails on order, and has its first bytes overwritten as dmr_free_rcu() may. For one source of a program.
#ifndef DM_REMAP_TESTS_EXTENT_INDEX_SUPPORT_HH
#define DM_REMAP_TESTS_EXTENT_INDEX_SUPPORT_HH

#include "core/index/extent_index.hh"

#include <dm_remap/kernel_api.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace dm_remap {

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
};
inline TestMemory memory;

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

inline constexpr uint64_t far = ~0ull;

extern "C" void dmr_rcu_synchronize()
{
	memory.grace_period();
}

inline Extent mapped(uint64_t start, uint64_t length, uint64_t spare, uint8_t member = 0)
{
	return {MainBlock(start), Blocks(length), ExtentKind::mapped, member, SpareBlock(spare)};
}

inline Extent pending(uint64_t start, uint64_t length)
{
	return {MainBlock(start), Blocks(length), ExtentKind::pending, 0, SpareBlock(0)};
}

inline Extent in_doubt(uint64_t start, uint64_t length)
{
	return {MainBlock(start), Blocks(length), ExtentKind::in_doubt, 0, SpareBlock(0)};
}

inline Extent lost(uint64_t start, uint64_t length)
{
	return {MainBlock(start), Blocks(length), ExtentKind::lost, 0, SpareBlock(0)};
}

inline bool same(const Extent &a, const Extent &b)
{
	return a.start == b.start && a.length == b.length && a.kind == b.kind && a.member == b.member &&
	       a.spare == b.spare && a.guarded == b.guarded;
}

inline std::string text(const Extent &e)
{
	static const char *const kinds[] = {"mapped", "pending", "in doubt", "lost"};

	return "[" + std::to_string(e.start.value) + " +" + std::to_string(e.length.value) + " " +
	       (e.guarded ? "guarded" : kinds[static_cast<int>(e.kind)]) + " " + std::to_string(e.member) + ":" +
	       std::to_string(e.spare.value) + "]";
}

inline std::vector<Extent> walk(const ExtentIndex &index)
{
	std::vector<Extent> all;
	Extent e;

	for (MainBlock at(0); index.first_from(at, e); at = e.end())
		all.push_back(e);
	return all;
}

inline std::string text(const std::vector<Extent> &all)
{
	std::string out;

	for (const Extent &e : all)
		out += text(e);
	return out;
}

} // namespace dm_remap

#endif
