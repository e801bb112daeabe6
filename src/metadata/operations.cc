// SPDX-License-Identifier: GPL-2.0
// The role as C sees it.
#include "metadata/probe.hh"
#include "metadata/store.hh"

#include <new>

namespace {

using namespace dm_remap;
using namespace dm_remap::metadata;

Store &store_of(dmr_metadata *md)
{
	return *reinterpret_cast<Store *>(md);
}
const Store &store_of(const dmr_metadata *md)
{
	return *reinterpret_cast<const Store *>(md);
}

int probe(const dmr_member_range *range, dmr_probe *out, char *reason_buffer)
{
	Reason reason(reason_buffer);
	void *memory = dmr_alloc(sizeof(Prober));
	void *buffer = dmr_io_buffer_alloc(BlankCheck::buffer_bytes);
	int result;

	if (memory && buffer)
		result = (new (memory) Prober(*range, *out, static_cast<uint8_t *>(buffer)))->run(reason).negative();
	else
		result = DMR_REFUSE_WITH(reason, ENOMEM, "not enough memory to look at the spare").negative();
	if (buffer)
		dmr_io_buffer_free(buffer, BlankCheck::buffer_bytes);
	dmr_free(memory);
	return result;
}

int lay_out_set(const dmr_member_range *members, uint64_t max_extents, dmr_setup *setup, char *reason)
{
	return lay_out({members, setup->member_count}, max_extents, *setup, Reason(reason)).negative();
}

int open(const dmr_metadata_params *params, dmr_metadata **out, char *reason_buffer)
{
	Reason reason(reason_buffer);
	void *memory = dmr_alloc(sizeof(Store));

	if (!memory)
		return DMR_REFUSE_WITH(reason, ENOMEM, "not enough memory for the metadata").negative();
	Store *store = new (memory) Store;

	if (Error error = store->init(*params, reason)) {
		store->destroy();
		dmr_free(memory);
		return error.negative();
	}
	*out = reinterpret_cast<dmr_metadata *>(store);
	return 0;
}

void close(dmr_metadata *md)
{
	store_of(md).destroy();
	dmr_free(md);
}

int format_set(dmr_metadata *md, char *reason)
{
	return store_of(md).format(Reason(reason)).negative();
}

int load(dmr_metadata *md, dmr_record_sink sink, void *context, dmr_load_report *report, char *reason)
{
	return store_of(md).load(sink, context, *report, Reason(reason)).negative();
}

int append(dmr_metadata *md, const dmr_record *records, uint32_t count)
{
	return store_of(md).append({records, count}).negative();
}

uint32_t records_per_commit(const dmr_metadata *)
{
	return format::records_per_unit;
}

bool wants_checkpoint(const dmr_metadata *md)
{
	return store_of(md).wants_checkpoint();
}

int checkpoint(dmr_metadata *md, const dmr_record_source *source)
{
	return store_of(md).checkpoint(*source).negative();
}

uint64_t generation(const dmr_metadata *md)
{
	return store_of(md).generation().value;
}

const dmr_setup *setup(const dmr_metadata *md)
{
	return &store_of(md).setup();
}

int update_setup(dmr_metadata *md, const dmr_setup *setup)
{
	return store_of(md).update_setup(*setup).negative();
}

int keep_patrol(dmr_metadata *md, const dmr_patrol_record *patrol)
{
	return store_of(md).keep_patrol(*patrol).negative();
}

int use_features(dmr_metadata *md, uint64_t features)
{
	return store_of(md).use_features(features).negative();
}

uint32_t healthy(const dmr_metadata *md)
{
	return store_of(md).healthy();
}

uint32_t take_lost(dmr_metadata *md)
{
	return store_of(md).take_lost();
}

int add_member(dmr_metadata *md, const dmr_member_range *range, const dmr_member_entry *entry, uint32_t *index, char *reason)
{
	return store_of(md).add_member(*range, *entry, *index, Reason(reason)).negative();
}

int remove_member(dmr_metadata *md, uint32_t index)
{
	return store_of(md).remove_member(index).negative();
}

int forget_member(dmr_metadata *md, uint32_t index)
{
	return store_of(md).forget_member(index).negative();
}

} // namespace

extern "C" {

extern const dmr_metadata_ops dmr_metadata_operations;
constinit const dmr_metadata_ops dmr_metadata_operations = {
	.owner = nullptr,
	.abi = DMR_METADATA_ABI,
	.probe = probe,
	.lay_out = lay_out_set,
	.open = open,
	.close = close,
	.format = format_set,
	.load = load,
	.append = append,
	.records_per_commit = records_per_commit,
	.wants_checkpoint = wants_checkpoint,
	.checkpoint = checkpoint,
	.generation = generation,
	.setup = setup,
	.healthy = healthy,
	.take_lost = take_lost,
	.update_setup = update_setup,
	.keep_patrol = keep_patrol,
	.use_features = use_features,
	.add_member = add_member,
	.remove_member = remove_member,
	.forget_member = forget_member,
};

}
