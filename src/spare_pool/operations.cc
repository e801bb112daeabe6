// SPDX-License-Identifier: GPL-2.0
// The pool as core sees it: plain functions around a Pool.
#include "spare_pool/pool.hh"

#include <new>

struct dmr_pool final {
	dm_remap::pool::Pool pool;
};

namespace {

using namespace dm_remap;

int create(dmr_pool **out)
{
	void *memory = dmr_alloc(sizeof(dmr_pool));

	if (!memory)
		return -ENOMEM;
	dmr_pool *created = new (memory) dmr_pool;
	if (Error error = created->pool.init()) {
		created->pool.destroy();
		dmr_free(created);
		return error.negative();
	}
	*out = created;
	return 0;
}

void destroy(dmr_pool *pool)
{
	if (pool)
		pool->pool.destroy();
	dmr_free(pool);
}

int add_member(dmr_pool *pool, uint32_t member, uint64_t first, uint64_t end, bool missing)
{
	return pool->pool.add_member(member, SpareBlock(first), SpareBlock(end), missing).negative();
}

int load_done(dmr_pool *pool)
{
	return pool->pool.load_done().negative();
}

void set_open(dmr_pool *pool, uint32_t member, bool open)
{
	pool->pool.set_open(member, open);
}

int remove_member(dmr_pool *pool, uint32_t member)
{
	return pool->pool.remove_member(member).negative();
}

int allocate(dmr_pool *pool, uint32_t wanted, dmr_spare_extent *out)
{
	const Result<dmr_spare_extent> extent = pool->pool.allocate(Blocks(wanted));

	if (!extent.ok())
		return extent.error().negative();
	*out = *extent;
	return 0;
}

int reserve(dmr_pool *pool, const dmr_spare_extent *extent)
{
	return pool->pool.reserve(*extent).negative();
}

void release(dmr_pool *pool, const dmr_spare_extent *extent)
{
	pool->pool.release(*extent);
}

int prepare_bad(dmr_pool *pool, const dmr_spare_extent *extent)
{
	return pool->pool.prepare_bad(*extent).negative();
}

int mark_bad(dmr_pool *pool, const dmr_spare_extent *extent)
{
	return pool->pool.mark_bad(*extent).negative();
}

bool next_bad(const dmr_pool *pool, uint32_t member, uint64_t from, dmr_spare_extent *out)
{
	return pool->pool.next_bad(member, SpareBlock(from), *out);
}

void usage(const dmr_pool *pool, uint32_t member, dmr_pool_usage *out)
{
	*out = pool->pool.usage(member);
}

} // namespace

extern "C" {

extern const dmr_spare_pool_ops dmr_spare_pool_operations;
constinit const dmr_spare_pool_ops dmr_spare_pool_operations = {
	.owner = nullptr,
	.abi = DMR_SPARE_POOL_ABI,
	.create = create,
	.destroy = destroy,
	.add_member = add_member,
	.load_done = load_done,
	.set_open = set_open,
	.remove_member = remove_member,
	.allocate = allocate,
	.reserve = reserve,
	.release = release,
	.mark_bad = mark_bad,
	.prepare_bad = prepare_bad,
	.next_bad = next_bad,
	.usage = usage,
};

}
