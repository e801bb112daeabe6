// SPDX-License-Identifier: GPL-2.0
// engine.h, function by function: from C's handles to the engine's methods. dmr_engine_route() is in route.cc.
#include "core/engine/engine.hh"

#include <new>

using dm_remap::Engine;
using dm_remap::Error;
using dm_remap::TextWriter;

extern "C" {

int dmr_engine_create(const struct dmr_engine_params *params, struct dmr_engine **out, char *reason)
{
	void *memory = dmr_alloc(sizeof(dmr_engine));

	if (!memory) {
		dmr_format(reason, DMR_REASON_SIZE, "not enough memory for the device");
		return -ENOMEM;
	}
	dmr_engine *e = new (memory) dmr_engine;
	Error error = e->engine.create(*params, reason);

	if (error) {
		dmr_engine_destroy(e);
		return error.negative();
	}
	*out = e;
	return 0;
}

void dmr_engine_destroy(struct dmr_engine *e)
{
	if (!e)
		return;
	e->engine.destroy();
	dmr_free(e);
}

const struct dmr_setup *dmr_engine_setup(const struct dmr_engine *e)
{
	return &e->engine.setup();
}

int dmr_engine_add_member(struct dmr_engine *e, const struct dmr_member_range *range, char *reason)
{
	return e->engine.add_member(*range, reason).negative();
}

int dmr_engine_remove_member(struct dmr_engine *e, const struct dmr_member_range *range, bool force, char *reason)
{
	return e->engine.remove_member(*range, force, reason);
}

int dmr_engine_cancel_remove(struct dmr_engine *e, const struct dmr_member_range *range, char *reason)
{
	return e->engine.cancel_remove(*range, reason).negative();
}

int dmr_engine_forget_member(struct dmr_engine *e, uint32_t slot, bool force, char *reason)
{
	return e->engine.forget_member(slot, force, reason).negative();
}

bool dmr_engine_removing(const struct dmr_engine *e)
{
	return e->engine.removing();
}

bool dmr_engine_has_member(const struct dmr_engine *e, const struct dmr_member_range *range)
{
	return e->engine.has_member(*range);
}

uint32_t dmr_engine_missing(const struct dmr_engine *e)
{
	return e->engine.missing();
}

int dmr_engine_resume(struct dmr_engine *e, const char *name, char *reason)
{
	return e->engine.resume(name, reason).negative();
}

void dmr_engine_begin(struct dmr_engine *e)
{
	e->engine.begin();
}

void dmr_engine_presuspend(struct dmr_engine *e)
{
	e->engine.presuspend();
}

void dmr_engine_presuspend_undo(struct dmr_engine *e)
{
	e->engine.presuspend_undo();
}

void dmr_engine_postsuspend(struct dmr_engine *e)
{
	e->engine.postsuspend();
}

struct dmr_device *dmr_engine_member_device(const struct dmr_engine *e, uint32_t member)
{
	return e->engine.member_device(member);
}

bool dmr_engine_wants_failed(struct dmr_engine *e, enum dmr_op op, dmr_status status, bool optional)
{
	return e->engine.wants_failed(op, status, optional);
}

void dmr_engine_enqueue(struct dmr_engine *e, struct dmr_request *req)
{
	e->engine.enqueue(req);
}

bool dmr_engine_flushes_behind(const struct dmr_engine *e, uint32_t *moment)
{
	return e->engine.flushes_behind(*moment);
}

void dmr_engine_enqueue_fua(struct dmr_engine *e, struct dmr_request *req)
{
	e->engine.enqueue_fua(req);
}

void dmr_engine_spare_write_ended(struct dmr_engine *e, uint32_t member, dmr_status status, uint32_t flags)
{
	e->engine.spare_write_ended(member, status, flags);
}

bool dmr_engine_flush_needs_worker(const struct dmr_engine *e)
{
	return e->engine.flush_needs_worker();
}

void dmr_engine_enqueue_flush(struct dmr_engine *e, struct dmr_request *req)
{
	e->engine.enqueue_flush(req);
}

int dmr_engine_status(struct dmr_engine *e, char *buf, size_t size)
{
	TextWriter out(buf, size);

	e->engine.status(out);
	return static_cast<int>(out.length());
}

int dmr_engine_message(struct dmr_engine *e, unsigned int argc, char **argv, char *buf, size_t size, char *reason)
{
	TextWriter out(buf, size);

	reason[0] = '\0';
	return e->engine.message(argc, argv, out, reason);
}

void dmr_engine_snapshot(struct dmr_engine *e, struct dmr_snapshot *out)
{
	e->engine.snapshot(*out);
}

} // extern "C"
