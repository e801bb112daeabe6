// SPDX-License-Identifier: GPL-2.0
// Where each block of main is served: a copy-on-write B+-tree of extents.
//
// Readers are wait-free: lookup() follows pointers that never change once published. The caller of lookup() is inside
// an RCU section, or is the writer. There is one writer at a time (the committer, or the load): it edits a private
// copy of the path from the root, and publish() makes the whole transaction visible by one store of the root.
// Replaced nodes go to dmr_free_rcu() at publish.
//
// Law: extents never overlap, are never empty, and neighbours that continue each other (same kind, same member,
// both guarded or neither, consecutive spare blocks) are one extent, unless it would be longer than max_extent_length.
//
// The bound on memory. One edit replaces a run of extents by at most three. At each level it copies at most two nodes
// (the paths to both ends of the range; what lies between is dropped whole, however much it is, without a copy) and
// splits at most one; a split of the root makes a new root. That is at most 3 nodes for each of max_depth levels.
// Over several edits a node is copied once, and inner nodes split far less often than leaves: see nodes_needed().
//
// Empty nodes are removed, and a node that an edit touched swallows a neighbour under the same parent when both
// together fill at most half a node. Other nodes that are not well filled are tolerated. Depth grows only when a full
// root splits, and a node of a level fills up only by some thirty splits below it, so more than max_depth levels would
// take over 10^11 edits in the life of one index; put() and clear() would then answer ENOSPC and change nothing.
#ifndef DM_REMAP_CORE_EXTENT_INDEX_HH
#define DM_REMAP_CORE_EXTENT_INDEX_HH

#include "core/index/extent_node.hh"

#include <dm_remap/record.h>
#include <dm_remap/result.hh>
#include <dm_remap/units.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap {

// What lookup() says about a block.
struct IndexAnswer {
	bool found = false;
	// found: the extent that holds the block, whole. Not found: start is the block asked for, and length reaches to
	// the next extent, or to `limit`.
	Extent extent;
};

class ExtentIndex final {
public:
	ExtentIndex() = default;
	ExtentIndex(const ExtentIndex &) = delete;
	ExtentIndex &operator=(const ExtentIndex &) = delete;

	// Keeps `reserve` nodes aside, so that a transaction of one edit succeeds without memory. process, may block.
	Error init(uint32_t reserve = default_reserve);
	// Frees all nodes at once: no reader is left. process.
	void destroy();

	// ---- readers; any context, inside an RCU section ----

	bool empty() const { return __atomic_load_n(&published_, __ATOMIC_RELAXED) == nullptr; }
	// What holds `block`; an answer "not found" reaches to the next extent but not past `limit` (limit > block).
	IndexAnswer lookup(MainBlock block, MainBlock limit) const;

	// ---- the writer ----

	// Make sure that `edits` calls of put() or clear() cannot fail for want of memory. Answers how many are
	// assured: fewer than asked when memory is short. 0 means that the growth of the tree has used up the reserve and no
	// memory could be had since; edits that do not make it grow never come to that. process, may block.
	uint32_t prepare(uint32_t edits);
	// Replaces whatever was said of the range. EINVAL for an empty range, one longer than max_extent_length, one
	// that ends past the last block number, a member beyond max_member, or a spare block beyond max_spare_block. The edits that prepare()
	// assured cannot fail otherwise; further ones (a load) allocate as they go, never from the reserve, and may fail with ENOMEM.
	// After an error the index says what it said before. process, may block if not assured.
	Error put(const Extent &extent);
	// Nothing is said of the range any more. Errors and context as put(), but a range of any length.
	Error clear(MainBlock start, Blocks length);
	// As lookup(), but in the transaction's own, unpublished state.
	IndexAnswer peek(MainBlock block, MainBlock limit) const;
	// The first extent that ends after `from`, in the transaction's own state; false if there is none. To walk all
	// extents go on from the end of the last one.
	bool first_from(MainBlock from, Extent &out) const;
	// Show all edits since the last publish() to readers. process.
	void publish();

	// ---- totals of the writer's state ----

	uint64_t extents() const { return extents_; }
	uint64_t mapped_extents() const { return mapped_extents_; }
	Blocks mapped() const { return mapped_; }
	Blocks pending() const { return pending_; }
	Blocks lost() const { return lost_; }
	Blocks guarded() const { return guarded_; }	// of the mapped ones
	// Bytes of the nodes that hold the writer's state, without the reserve.
	uint64_t memory() const;

	static constexpr uint32_t max_depth = 8;
	// Enough for one edit at any depth.
	static constexpr uint32_t default_reserve = 3 * max_depth;
	static constexpr uint64_t max_extent_length = 0xffffffff;
	static constexpr uint64_t max_spare_block = ExtentEntry::max_spare_block;

private:
	using Node = ExtentNode;
	struct Step;

	// extent_index.cc
	static IndexAnswer find(const Node *node, uint64_t block, uint64_t limit);
	bool fill(uint64_t nodes);
	uint64_t nodes_needed(uint64_t edits) const;
	Error start_edit();
	static void free_list(Node *&list, void (*release)(void *));

	// extent_splice.cc
	void splice(uint64_t from, uint64_t to, const ExtentEntry *run, uint32_t n);
	template <typename Entry>
	Node *add(Node *node, uint32_t at, const Entry *run, uint32_t n, bool append);
	bool erase_right(Node *parent, uint32_t at, uint64_t to);
	void trim(Node *parent, uint32_t at, uint64_t to);
	void absorb(Node *parent, uint32_t at);
	void settle_root(Node *extra);
	void count(const ExtentEntry &entry, bool added);
	void count_extents(const Node *leaf, uint32_t at, uint32_t n);

	// Nodes: taken from the pool, never from the allocator.
	Node *take(uint8_t level);
	Node *own(Node *&slot);
	void recycle(Node *node);
	void refill();
	void drop(Node *subtree);

	Node *published_ = nullptr;	// what readers see; stored with RELEASE, loaded with CONSUME
	Node *root_ = nullptr;		// the writer's
	uint64_t transaction_ = 1;	// nodes that bear this number are not published yet
	Node *pool_ = nullptr;		// free nodes
	Node *retired_ = nullptr;	// published nodes that the transaction replaced
	uint64_t pool_count_ = 0;
	uint32_t reserve_ = 0;
	uint32_t assured_ = 0;		// edits that prepare() promised and that are still to come
	uint64_t nodes_[max_depth] = {};	// of the writer's state, by level
	uint64_t extents_ = 0;
	uint64_t mapped_extents_ = 0;
	Blocks mapped_;
	Blocks pending_;
	Blocks lost_;
	Blocks guarded_;
};

} // namespace dm_remap

#endif
