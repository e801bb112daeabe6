// SPDX-License-Identifier: GPL-2.0
// The index's readers, its memory, and what an edit does to the extents at the ends of its range.
#include "core/index/extent_index.hh"

#include <dm_remap/kernel_api.h>

#include <cstdint>

namespace dm_remap {

namespace {

constexpr uint64_t no_block = UINT64_MAX;

// b begins where a ends and says the same of its blocks.
bool continues(const Extent &a, const Extent &b)
{
	return a.end() == b.start && a.kind == b.kind && a.member == b.member && a.guarded == b.guarded &&
	       (a.kind != ExtentKind::mapped || a.spare + a.length == b.spare) &&
	       a.length.value + b.length.value <= ExtentIndex::max_extent_length;
}

} // namespace

// ---- readers ----

IndexAnswer ExtentIndex::find(const Node *node, uint64_t block, uint64_t limit)
{
	IndexAnswer answer;
	uint64_t next = limit;

	if (node != nullptr && block < node->first()) {
		next = node->first();
	} else if (node != nullptr) {
		uint32_t at = node->at_or_before(block);

		// Keys are exact, so the key after the one followed is where the next extent begins.
		for (; node->level > 0; at = node->at_or_before(block)) {
			if (at + 1 < node->count)
				next = node->inner.keys[at + 1];
			node = node->inner.children[at];
			node->prefetch();
		}
		if (block - node->leaf.starts[at] < node->leaf.lengths[at]) {
			ExtentEntry entry;

			node->get(at, entry);
			answer.found = true;
			answer.extent = entry.extent();
			return answer;
		}
		if (at + 1 < node->count)
			next = node->leaf.starts[at + 1];
	}
	answer.extent.start = MainBlock(block);
	answer.extent.length = Blocks((next < limit ? next : limit) - block);
	return answer;
}

IndexAnswer ExtentIndex::lookup(MainBlock block, MainBlock limit) const
{
	return find(__atomic_load_n(&published_, __ATOMIC_CONSUME), block.value, limit.value);
}

IndexAnswer ExtentIndex::peek(MainBlock block, MainBlock limit) const
{
	return find(root_, block.value, limit.value);
}

bool ExtentIndex::first_from(MainBlock from, Extent &out) const
{
	const Node *node = root_;
	uint64_t next = no_block;	// where the next leaf begins
	uint32_t at = 0;

	if (node == nullptr)
		return false;
	for (;; node = node->inner.children[at]) {
		at = node->at_or_before(from.value);
		if (node->level == 0)
			break;
		if (at + 1 < node->count)
			next = node->inner.keys[at + 1];
	}
	// The entry before it, unless all are behind.
	if (node->leaf.starts[at] <= from.value && from.value - node->leaf.starts[at] >= node->leaf.lengths[at])
		at++;
	if (at == node->count)
		return next != no_block && first_from(MainBlock(next), out);
	ExtentEntry entry;

	node->get(at, entry);
	out = entry.extent();
	return true;
}

// ---- memory ----

Error ExtentIndex::init(uint32_t reserve)
{
	reserve_ = reserve;
	if (fill(reserve))
		return Error::none();
	destroy();
	return Error(ENOMEM);
}

void ExtentIndex::free_list(Node *&list, void (*release)(void *))
{
	while (list != nullptr) {
		Node *node = list;

		list = node->link;
		release(node);
	}
}

void ExtentIndex::destroy()
{
	__atomic_store_n(&published_, nullptr, __ATOMIC_RELEASE);
	if (root_ != nullptr)
		drop(root_);
	root_ = nullptr;
	free_list(retired_, dmr_free);
	free_list(pool_, dmr_free);
	pool_count_ = 0;
	assured_ = 0;
}

bool ExtentIndex::fill(uint64_t nodes)
{
	while (pool_count_ < nodes) {
		Node *node = static_cast<Node *>(dmr_alloc(sizeof(Node)));

		if (node == nullptr)
			return false;
		node->link = pool_;
		pool_ = node;
		pool_count_++;
	}
	return true;
}

// The most nodes that so many edits can take from the pool, from the state as it is.
//
// Copies: two a level and edit, and each node once. Splits: one a level and edit. Above the leaves less, because what
// fills a node is splits below it: count for each node its children above 31, of at most 62. A split in the middle
// takes 31 of that away, a new child adds one; a split at the right end of the level leaves a node of one child, so
// the next one takes 61 more. Hence s splits below cause at most nodes + s / 31 splits in the middle and 1 + s / 61 at
// the end. (absorb() makes no node of more than 31 children.) A level that does not exist begins with one node. A root
// that collapses was copied by that edit and is back in the pool before one grows again.
uint64_t ExtentIndex::nodes_needed(uint64_t edits) const
{
	uint64_t splits = edits;
	uint64_t needed = 0;

	for (uint32_t level = 0; level < max_depth && splits > 0; level++) {
		uint64_t nodes = nodes_[level];
		uint64_t copies = nodes < 2 * edits ? nodes : 2 * edits;

		if (level > 0) {
			uint64_t most = splits / 20 + (nodes > 0 ? nodes + 1 : 0);

			splits = splits < most ? splits : most;
		}
		needed += (nodes > 0 ? copies : 1) + splits;
	}
	return needed;
}

uint32_t ExtentIndex::prepare(uint32_t edits)
{
	uint64_t free = 0;
	uint32_t low = 0, high = edits;

	fill(reserve_ + nodes_needed(edits));
	if (pool_count_ > reserve_)
		free = pool_count_ - reserve_;
	while (low < high) {
		uint32_t middle = high - (high - low) / 2;

		if (nodes_needed(middle) <= free)
			low = middle;
		else
			high = middle - 1;
	}
	if (low == 0 && edits > 0 && nodes_needed(1) <= pool_count_)
		low = 1;
	assured_ = low;
	return low;
}

// Before anything is changed: an edit that has begun cannot fail.
Error ExtentIndex::start_edit()
{
	if (nodes_[max_depth - 1] > 0 && root_->count == Node::inner_capacity)
		return Error(ENOSPC);
	if (assured_ > 0)
		assured_--;
	else if (!fill(reserve_ + nodes_needed(1)))
		return Error(ENOMEM);
	return Error::none();
}

// Memory is short: what the transaction replaced, as soon as no reader looks at it, makes up for what it took. So only
// the growth of the tree needs the allocator.
void ExtentIndex::refill()
{
	dmr_rcu_synchronize();
	while (retired_ != nullptr && pool_count_ < reserve_) {
		Node *node = retired_;

		retired_ = node->link;
		node->link = pool_;
		pool_ = node;
		pool_count_++;
	}
	free_list(retired_, dmr_free);
}

void ExtentIndex::publish()
{
	// What is kept beyond the reserve serves small transactions without a call of the allocator.
	const uint64_t kept = 4ull * reserve_;

	__atomic_store_n(&published_, root_, __ATOMIC_RELEASE);
	transaction_++;
	assured_ = 0;
	if (pool_count_ < reserve_ && retired_ != nullptr)
		refill();
	free_list(retired_, dmr_free_rcu);
	while (pool_count_ > kept) {
		Node *node = pool_;

		pool_ = node->link;
		pool_count_--;
		dmr_free(node);
	}
}

uint64_t ExtentIndex::memory() const
{
	uint64_t nodes = 0;

	for (uint64_t n : nodes_)
		nodes += n;
	return nodes * sizeof(Node);
}

// ---- edits ----

Error ExtentIndex::put(const Extent &extent)
{
	const MainBlock start = extent.start;
	const MainBlock end = extent.end();

	if (extent.length.value == 0 || extent.length.value > max_extent_length || end <= start)
		return Error(EINVAL);
	if (extent.kind == ExtentKind::mapped &&
	    (extent.member > ExtentEntry::max_member || extent.spare.value > max_spare_block || extent.length.value - 1 > max_spare_block - extent.spare.value))
		return Error(EINVAL);

	// What the ends of the range touch: `left` holds the block before it, `right` the block after it.
	IndexAnswer left, right = peek(end, MainBlock(no_block));
	Extent merged = ExtentEntry::from(extent).extent();
	ExtentEntry run[3];
	uint32_t n = 0;
	uint64_t from = start.value, to = end.value;

	if (start.value > 0)
		left = peek(MainBlock(start.value - 1), start);
	if (left.found) {
		const MainBlock left_end = left.extent.end();

		left.extent.length = start - left.extent.start;
		if (continues(left.extent, merged)) {
			from = left.extent.start.value;
			merged.start = left.extent.start;
			merged.spare = left.extent.spare;
			merged.length = end - merged.start;
		} else if (left_end > start) {
			from = left.extent.start.value;
			run[n++] = ExtentEntry::from(left.extent);
		}
	}
	ExtentEntry &middle = run[n++];
	if (right.found) {
		const Extent rest = right.extent.from(end);

		if (continues(merged, rest)) {
			merged.length = rest.end() - merged.start;
			to = end.value + 1;
		} else if (right.extent.start < end) {
			run[n++] = ExtentEntry::from(rest);
		}
	}
	middle = ExtentEntry::from(merged);

	Error error = start_edit();
	if (!error)
		splice(from, to, run, n);
	return error;
}

Error ExtentIndex::clear(MainBlock start, Blocks length)
{
	const MainBlock end = start + length;

	if (end <= start)
		return Error(EINVAL);

	IndexAnswer first = peek(start, end);
	if (!first.found && first.extent.end() == end)
		return Error::none();

	IndexAnswer last = peek(MainBlock(end.value - 1), end);
	ExtentEntry run[2];
	uint32_t n = 0;
	uint64_t from = start.value;

	if (first.found && first.extent.start < start) {
		Extent rest = first.extent;

		rest.length = start - rest.start;
		from = rest.start.value;
		run[n++] = ExtentEntry::from(rest);
	}
	if (last.found && last.extent.end() > end)
		run[n++] = ExtentEntry::from(last.extent.from(end));

	Error error = start_edit();
	if (!error)
		splice(from, end.value, run, n);
	return error;
}

} // namespace dm_remap
