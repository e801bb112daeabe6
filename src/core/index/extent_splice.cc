// SPDX-License-Identifier: GPL-2.0
// The one edit of the tree: a run of extents is replaced by another of at most three. It cannot fail: the pool holds
// all the nodes it may take.
#include "core/index/extent_index.hh"

namespace dm_remap {

// ---- nodes ----

ExtentNode *ExtentIndex::take(uint8_t level)
{
	Node *node = pool_;

	pool_ = node->link;
	pool_count_--;
	nodes_[level]++;
	node->transaction = transaction_;
	node->level = level;
	node->count = 0;
	return node;
}

// A published node is replaced by a copy that may be edited.
ExtentNode *ExtentIndex::own(Node *&slot)
{
	Node *node = slot;

	if (node->transaction == transaction_)
		return node;

	Node *copy = take(node->level);
	copy->take_entries(*node);
	recycle(node);
	slot = copy;
	return copy;
}

void ExtentIndex::recycle(Node *node)
{
	nodes_[node->level]--;
	if (node->transaction == transaction_) {
		node->link = pool_;
		pool_ = node;
		pool_count_++;
	} else {
		node->link = retired_;
		retired_ = node;
	}
}

// All nodes of a subtree leave the tree, and the extents with them.
void ExtentIndex::drop(Node *subtree)
{
	subtree->link = nullptr;
	for (Node *list = subtree; list != nullptr;) {
		Node *node = list;

		list = node->link;
		for (uint32_t i = 0; node->level > 0 && i < node->count; i++) {
			node->inner.children[i]->link = list;
			list = node->inner.children[i];
		}
		if (node->level == 0)
			count_extents(node, 0, node->count);
		recycle(node);
	}
}

// ---- totals ----

void ExtentIndex::count(const ExtentEntry &entry, bool added)
{
	const uint64_t one = added ? 1 : ~0ull;
	const Blocks blocks(one * entry.length);

	extents_ += one;
	if (entry.kind() == ExtentKind::mapped) {
		mapped_extents_ += one;
		mapped_ = mapped_ + blocks;
		if (entry.guarded())
			guarded_ = guarded_ + blocks;
	} else if (entry.kind() == ExtentKind::pending) {
		pending_ = pending_ + blocks;
	} else if (entry.kind() == ExtentKind::lost) {
		lost_ = lost_ + blocks;
	}
}

// These extents of a leaf are about to go.
void ExtentIndex::count_extents(const Node *leaf, uint32_t at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		ExtentEntry entry;

		leaf->get(at + i, entry);
		count(entry, false);
	}
}

// ---- the edit ----

// The way from the root to the leaf: at each level a node, which child was taken, and whether nothing of that level
// lies to the right of the node.
struct ExtentIndex::Step {
	Node *node;
	uint32_t at;
	bool rightmost;
};

// Inserts the run; answers the new right neighbour if the node had to be split. append: the run comes after everything
// of this level; then the node stays full, because a load in increasing order never comes back to it.
template <typename Entry>
ExtentNode *ExtentIndex::add(Node *node, uint32_t at, const Entry *run, uint32_t n, bool append)
{
	if (node->count + n <= node->capacity()) {
		node->insert(at, run, n);
		return nullptr;
	}

	Node *right = take(node->level);
	node->insert_and_split(at, run, n, append ? node->count : (node->count + n) / 2, right);
	return right;
}

// Removes the extents that start in [from, to) and inserts the run, whose starts lie in [from, to].
void ExtentIndex::splice(uint64_t from, uint64_t to, const ExtentEntry *run, uint32_t n)
{
	Step path[max_depth];
	bool rightmost = true;

	for (uint32_t i = 0; i < n; i++)
		count(run[i], true);
	if (root_ == nullptr)
		root_ = take(0);

	Node *node = own(root_);
	while (node->level > 0) {
		const uint32_t at = node->at_or_before(from);

		path[node->level] = {node, at, rightmost};
		rightmost = rightmost && at + 1 == node->count;
		node = own(node->inner.children[at]);
	}

	const uint32_t at = node->below(from);
	const uint32_t end = node->below(to);
	bool onward = end == node->count;

	count_extents(node, at, end - at);
	node->erase(at, end - at);

	Node *extra = add(node, at, run, n, rightmost && at == node->count);
	for (uint32_t level = 1; level <= root_->level; level++) {
		const Step &step = path[level];
		Node *parent = step.node;

		if (onward)
			onward = erase_right(parent, step.at + 1, to);
		if (node->count == 0) {
			parent->erase(step.at, 1);
			recycle(node);
		} else if (extra != nullptr) {
			const ChildEntry child = {extra->first(), extra};

			parent->inner.keys[step.at] = node->first();
			extra = add(parent, step.at + 1, &child, 1, step.rightmost && step.at + 1 == parent->count);
		} else {
			parent->inner.keys[step.at] = node->first();
			absorb(parent, step.at);
		}
		node = parent;
	}
	settle_root(extra);
}

// Removes what starts before `to` from the children from `at` on. True if no child is left there, so that the range
// may reach on to the right of the parent.
bool ExtentIndex::erase_right(Node *parent, uint32_t at, uint64_t to)
{
	const uint32_t last = parent->below(to);	// behind the last child that has part in the range
	uint32_t whole = last > at ? last - at : 0;

	// Only of the last one anything may stay.
	if (whole > 0 && parent->inner.children[last - 1]->last_start() >= to)
		whole--;
	for (uint32_t i = at; i < at + whole; i++)
		drop(parent->inner.children[i]);
	parent->erase(at, whole);
	if (at < parent->count && parent->inner.keys[at] < to)
		trim(parent, at, to);
	return at == parent->count;
}

// Removes what starts before `to` from one child, in which something stays.
void ExtentIndex::trim(Node *parent, uint32_t at, uint64_t to)
{
	Node *top = parent->inner.children[at];
	const Node *look = top;

	// The first start that stays becomes the first key all the way down.
	uint64_t first = 0;
	for (;;) {
		const uint32_t below = look->below(to);

		if (look->level > 0 && below > 0 && look->inner.children[below - 1]->last_start() >= to) {
			look = look->inner.children[below - 1];
			continue;
		}
		first = look->keys()[below];
		break;
	}

	Node **slot = &parent->inner.children[at];
	parent->inner.keys[at] = first;
	while ((*slot)->first() < to) {
		Node *node = own(*slot);
		uint32_t gone = node->below(to);

		if (node->level == 0) {
			count_extents(node, 0, gone);
			node->erase(0, gone);
			break;
		}
		if (node->inner.children[gone - 1]->last_start() >= to)
			gone--;
		for (uint32_t i = 0; i < gone; i++)
			drop(node->inner.children[i]);
		node->erase(0, gone);
		node->inner.keys[0] = first;
		slot = &node->inner.children[0];
	}
}

// A child that the edit owns takes over a neighbour if both fill no more than half a node: at that size it takes many
// edits before it splits again.
void ExtentIndex::absorb(Node *parent, uint32_t at)
{
	Node *node = parent->inner.children[at];

	for (uint32_t side : {at + 1, at - 1}) { // at - 1 of 0 is beyond any count
		if (side >= parent->count)
			continue;

		Node *other = parent->inner.children[side];
		const uint32_t n = other->count;

		if (node->count + n > node->capacity() / 2)
			continue;
		if (side > at) {
			node->bring(node->count, other, 0, n);
		} else {
			node->bring(n, node, 0, node->count);
			node->bring(0, other, 0, n);
			parent->inner.keys[at] = other->first();
			at = side;
		}
		node->count = static_cast<uint16_t>(node->count + n);
		parent->erase(side, 1);
		recycle(other);
	}
}

// One level more if the root was split, fewer if it has a single child, none if nothing is left.
void ExtentIndex::settle_root(Node *extra)
{
	if (extra != nullptr) {
		Node *top = take(static_cast<uint8_t>(root_->level + 1));

		top->set(0, ChildEntry{root_->first(), root_});
		top->set(1, ChildEntry{extra->first(), extra});
		top->count = 2;
		root_ = top;
	}
	while (root_->level > 0 && root_->count == 1) {
		Node *top = root_;

		root_ = top->inner.children[0];
		recycle(top);
	}
	if (root_->count == 0) {
		recycle(root_);
		root_ = nullptr;
	}
}

} // namespace dm_remap
