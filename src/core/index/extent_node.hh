// SPDX-License-Identifier: GPL-2.0
// An extent, and the nodes of the tree that keeps extents.
#ifndef DM_REMAP_CORE_EXTENT_NODE_HH
#define DM_REMAP_CORE_EXTENT_NODE_HH

#include <dm_remap/units.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap {

enum class ExtentKind : uint8_t {
	mapped,		// served by a spare
	pending,	// main failed to read it; main holds the only copy
	in_doubt,	// memory only: its record may or may not be durable, so neither copy may be shown
	lost,		// its spare was given up, or the main that could not give it: main holds something else, nobody the data
};

// As the message `list` says it, and the tool.
constexpr const char *kind_text(ExtentKind kind)
{
	switch (kind) {
	case ExtentKind::mapped:
		return "mapped";
	case ExtentKind::pending:
		return "pending";
	case ExtentKind::lost:
		return "lost";
	case ExtentKind::in_doubt:
		break;
	}
	return "in_doubt";
}

struct Extent {
	MainBlock start;
	Blocks length;
	ExtentKind kind = ExtentKind::mapped;
	uint8_t member = 0;		// with mapped
	SpareBlock spare;		// with mapped
	bool guarded = false;		// with mapped: main may hold guard blocks there, which are nobody's data

	constexpr MainBlock end() const { return start + length; }
	// The part from this block on, which lies within it.
	constexpr Extent from(MainBlock block) const
	{
		const Blocks skipped = block - start;

		return {block, length - skipped, kind, member, kind == ExtentKind::mapped ? spare + skipped : spare, guarded};
	}
};

// An extent as a leaf keeps it: 20 bytes, spread over three arrays.
struct ExtentEntry final {
	uint64_t start;
	uint64_t place;		// spare block, member << 54, guarded << 61, kind << 62
	uint32_t length;

	static constexpr uint64_t max_spare_block = (1ull << 54) - 1;
	static constexpr uint64_t guarded_bit = 1ull << 61;
	static constexpr uint8_t max_member = 127;

	// extent: of a valid length and spare block.
	static constexpr ExtentEntry from(const Extent &extent)
	{
		uint64_t place = static_cast<uint64_t>(extent.kind) << 62;

		if (extent.kind == ExtentKind::mapped)
			place |= static_cast<uint64_t>(extent.member) << 54 | extent.spare.value | (extent.guarded ? guarded_bit : 0);
		return {extent.start.value, place, static_cast<uint32_t>(extent.length.value)};
	}

	constexpr ExtentKind kind() const { return static_cast<ExtentKind>(place >> 62); }
	constexpr bool guarded() const { return place & guarded_bit; }
	constexpr Extent extent() const
	{
		return {MainBlock(start), Blocks(length), kind(), static_cast<uint8_t>(place >> 54 & 0x7f),
			SpareBlock(place & max_spare_block), guarded()};
	}
};

struct ExtentNode;

// A subtree as its parent keeps it.
struct ChildEntry final {
	uint64_t key;		// the start of the first extent in the subtree, exactly
	ExtentNode *child;
};

// A node: readers in flight may look at it until a grace period after it was replaced, but never at its first 16
// bytes, which are the writer's and which dmr_free_rcu() overwrites.
struct ExtentNode final {
	static constexpr uint32_t leaf_capacity = 50;
	static constexpr uint32_t inner_capacity = 62;

	uint64_t transaction;	// that made it: a node of the current one is not published and is edited in place
	ExtentNode *link;	// in the pool, among the retired, or in a list of subtrees to drop

	uint16_t count;
	uint8_t level;		// 0: a leaf
	uint8_t unused[5];
	union {
		struct {
			uint64_t starts[leaf_capacity];
			uint64_t places[leaf_capacity];
			uint32_t lengths[leaf_capacity];
		} leaf;
		struct {
			uint64_t keys[inner_capacity];
			ExtentNode *children[inner_capacity];
		} inner;
	};

	uint32_t capacity() const { return level == 0 ? leaf_capacity : inner_capacity; }
	const uint64_t *keys() const { return level == 0 ? leaf.starts : inner.keys; }
	uint64_t first() const { return keys()[0]; }

	// The search jumps about in the keys: fetching them at once takes about a third off a lookup among a million.
	void prefetch() const
	{
		const char *start = reinterpret_cast<const char *>(leaf.starts);

		for (uint32_t line = 0; line < sizeof(leaf.starts); line += 64)
			__builtin_prefetch(start + line);
	}

	// The last entry whose key is not above x; 0 if all are. Not for an empty node.
	uint32_t at_or_before(uint64_t x) const
	{
		const uint64_t *key = keys();
		uint32_t at = 0;

		for (uint32_t n = count; n > 1;) {
			uint32_t half = n / 2;

			at += key[at + half] <= x ? half : 0;
			n -= half;
		}
		return at;
	}

	// How many keys are below x.
	uint32_t below(uint64_t x) const
	{
		if (count == 0)
			return 0;
		uint32_t at = at_or_before(x);
		return at + (keys()[at] < x ? 1 : 0);
	}

	// The start of the last extent of the subtree.
	uint64_t last_start() const
	{
		const ExtentNode *node = this;

		while (node->level > 0)
			node = node->inner.children[node->count - 1];
		return node->leaf.starts[node->count - 1];
	}

	void get(uint32_t at, ExtentEntry &out) const { out = {leaf.starts[at], leaf.places[at], leaf.lengths[at]}; }
	void get(uint32_t at, ChildEntry &out) const { out = {inner.keys[at], inner.children[at]}; }

	void set(uint32_t at, const ExtentEntry &entry)
	{
		leaf.starts[at] = entry.start;
		leaf.places[at] = entry.place;
		leaf.lengths[at] = entry.length;
	}
	void set(uint32_t at, const ChildEntry &entry)
	{
		inner.keys[at] = entry.key;
		inner.children[at] = entry.child;
	}

	// Bring n entries of `other`, a node of the same level and perhaps this one, from `from` to `to`.
	void bring(uint32_t to, const ExtentNode *other, uint32_t from, uint32_t n)
	{
		if (level == 0) {
			move(leaf.starts + to, other->leaf.starts + from, n);
			move(leaf.places + to, other->leaf.places + from, n);
			move(leaf.lengths + to, other->leaf.lengths + from, n);
		} else {
			move(inner.keys + to, other->inner.keys + from, n);
			move(inner.children + to, other->inner.children + from, n);
		}
	}

	// All of another node of this level. Those that it has not go along: one copy of a length that is known beforehand is quicker.
	void take_entries(const ExtentNode &other)
	{
		static_assert(sizeof(leaf) >= sizeof(inner));
		count = other.count;
		__builtin_memcpy(&leaf, &other.leaf, sizeof(leaf));
	}

	// There must be room.
	template <typename Entry>
	void insert(uint32_t at, const Entry *run, uint32_t n)
	{
		bring(at + n, this, at, count - at);
		for (uint32_t i = 0; i < n; i++)
			set(at + i, run[i]);
		count = static_cast<uint16_t>(count + n);
	}

	void erase(uint32_t at, uint32_t n)
	{
		bring(at, this, at + n, count - at - n);
		count = static_cast<uint16_t>(count - n);
	}

	// insert() without room: of the entries as they would then be, the first `cut` stay, the others go to `right`,
	// which is empty.
	template <typename Entry>
	void insert_and_split(uint32_t at, const Entry *run, uint32_t n, uint32_t cut, ExtentNode *right)
	{
		uint32_t total = count + n;

		for (uint32_t i = cut; i < total; i++) {
			Entry entry;

			if (i < at)
				get(i, entry);
			else if (i < at + n)
				entry = run[i - at];
			else
				get(i - n, entry);
			right->set(i - cut, entry);
		}
		right->count = static_cast<uint16_t>(total - cut);
		if (cut > at + n)
			bring(at + n, this, at, cut - at - n);
		for (uint32_t i = at; i < at + n && i < cut; i++)
			set(i, run[i - at]);
		count = static_cast<uint16_t>(cut);
	}

private:
	template <typename T>
	static void move(T *to, const T *from, uint32_t n)
	{
		__builtin_memmove(to, from, n * sizeof(T));
	}
};

static_assert(sizeof(ExtentNode) <= 1024, "a node fills one kmalloc-1k object");
static_assert(offsetof(ExtentNode, count) == 16, "readers need nothing of the first 16 bytes");

} // namespace dm_remap

#endif
