// SPDX-License-Identifier: GPL-2.0
/* The constructor: from a table line to an engine that has read its members, or to a reason why not. */
#include <linux/slab.h>

#include "core/target/checks.h"
#include "core/target/claims.h"
#include "core/target/construct.h"
#include "core/target/roles.h"

/* device-mapper reads ti->error after the constructor has freed all that is its own. */
static char *dmr_reason_slot(void)
{
	static char slots[8][DMR_REASON_SIZE];
	static atomic_t next;
	char *slot = slots[(unsigned int)atomic_inc_return(&next) % ARRAY_SIZE(slots)];

	slot[0] = '\0';
	return slot;
}

/* Too large for the stack, and of no use after the constructor. */
struct dmr_construction {
	struct dmr_table table;
	struct dmr_engine_params params;
};

static int dmr_get_device(struct dm_target *ti, const char *role, const char *path, struct dm_dev **dm, char *reason)
{
	dmr_blk_mode_t mode = dm_table_get_mode(ti->table);
	int err = dm_get_device(ti, path, mode, dm);

	if (err) {
		*dm = NULL;
		dmr_refuse(reason, "%s %s cannot be opened (%pe)%s", role, path, ERR_PTR(err),
			   err == -EBUSY ? ": it is mounted, or part of another device" :
			   err == -ENOMEM || strcmp(role, "spare") ? "" : ": check the name; of a set's lost spare give '-', and 'degraded'");
		return err;
	}
	return dmr_check_device(role, path, (*dm)->bdev, mode, reason);
}

/* "-": nothing is there but its place in the table. */
static void dmr_note_missing(struct dmr_member *m, const struct dmr_table_member *from)
{
	m->range = (struct dmr_member_range){ .dev = NULL, .start = from->start, .sectors = from->sectors };
	strscpy(m->name, "-", sizeof(m->name));
}

static int dmr_get_spare(struct dm_target *ti, struct dmr_member *m, const struct dmr_table_member *from, char *reason)
{
	struct dmr_target *t = ti->private;
	int err = dmr_get_device(ti, "spare", from->path, &m->dm, reason);

	if (m->dm)
		t->member_count++;
	if (!err)
		err = dmr_check_spare(t->main->bdev, from, m->dm->bdev, reason);
	if (err)
		return err;
	m->dev.bdev = m->dm->bdev;
	m->range = (struct dmr_member_range){ .dev = &m->dev, .start = from->start, .sectors = from->sectors };
	strscpy(m->name, m->dm->name, sizeof(m->name));
	return 0;
}

static int dmr_get_devices(struct dm_target *ti, const struct dmr_table *table, char *reason)
{
	struct dmr_target *t = ti->private;
	int err = dmr_get_device(ti, "main", table->main_path, &t->main, reason);
	unsigned int present = 0;

	if (!err)
		err = dmr_check_main(ti, table->main_path, t->main->bdev, reason);
	if (err)
		return err;
	t->inst.main.bdev = t->main->bdev;
	while (t->member_count < table->member_count) {
		const struct dmr_table_member *from = &table->members[t->member_count];
		struct dmr_member *m = &t->members[t->member_count];

		if (!from->path) {
			dmr_note_missing(m, from);
			t->member_count++;
			continue;
		}
		err = dmr_get_spare(ti, m, from, reason);
		if (err)
			return err;
		present++;
	}
	if (!present)
		return dmr_refuse(reason, "every spare is missing ('-'): the map is on them, name one at least");
	return 0;
}

static int dmr_create_engine(struct dmr_target *t, const struct dmr_table *table, struct dmr_engine_params *p,
			     char *reason)
{
	struct dm_target *ti = t->inst.ti;
	char name[DMR_NAME_SIZE];
	unsigned int i;

	dmr_instance_name(&t->inst, name);
	p->inst = &t->inst;
	p->main = &t->inst.main;
	p->sectors = ti->len;
	for (i = 0; i < t->member_count; i++)
		p->members[i] = t->members[i].range;
	p->member_count = t->member_count;
	p->max_extents = table->max_extents;
	p->main_id = table->main_id;
	p->read_retries = table->read_retries;
	p->max_workers = DMR_MAX_WORKERS;
	p->format = table->format;
	p->new_main = table->new_main;
	p->degraded = table->degraded;
	p->force = table->force;
	p->read_only = !(dm_table_get_mode(ti->table) & DMR_BLK_WRITE);
	p->members_live = dmr_claims_members_live(t);
	p->main_live = dmr_claims_main_live(t, p->live_set);
	p->name = name;
	p->metadata = t->roles.metadata;
	p->pool = t->roles.pool;
	p->reassembly = t->roles.reassembly;
	p->gate = &t->inst.gate;
	return dmr_engine_create(p, &t->inst.engine, reason);
}

static int dmr_construct(struct dm_target *ti, unsigned int argc, char **argv, struct dmr_construction *c)
{
	struct dmr_target *t = ti->private;
	int err = dmr_table_parse(argc, argv, &c->table, ti->error);

	if (!err)
		err = dmr_roles_get(&t->roles, ti->error);
	if (!err)
		err = dmr_get_devices(ti, &c->table, ti->error);
	if (!err)
		err = dmr_home_get(t);
	if (!err)
		err = dmr_claim_ranges(t, ti->error);
	if (!err)
		err = dmr_create_engine(t, &c->table, &c->params, ti->error);
	if (!err)
		err = dmr_claim_uuids(t, dmr_engine_setup(t->inst.engine), ti->error);
	t->max_extents = c->table.max_extents;
	strscpy(t->main_id, c->table.main_id ?: "", sizeof(t->main_id));
	t->read_retries = c->table.read_retries;
	t->read_retries_given = c->table.read_retries_given;
	t->degraded = c->table.degraded;
	return err;
}

int remap_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct dmr_construction *c = kzalloc(sizeof(*c), GFP_KERNEL);
	struct dmr_target *t = kzalloc(sizeof(*t), GFP_KERNEL);
	int err = -ENOMEM;

	ti->error = dmr_reason_slot();
	if (!c || !t || dmr_instance_init(&t->inst, ti)) {
		kfree(t);
		goto out;
	}
	INIT_LIST_HEAD(&t->claims);
	INIT_LIST_HEAD(&t->stats.list);
	ti->private = t;
	err = dmr_construct(ti, argc, argv, c);
	if (err) {
		dmr_log(&t->inst, DMR_LOG_ERR, "table refused: %s", ti->error[0] ? ti->error : "out of memory");
		remap_dtr(ti);
		goto out;
	}
	ti->num_flush_bios = 1;
	ti->flush_supported = true;
	ti->num_discard_bios = dmr_bdev_discards(t->main->bdev) ? 1 : 0;
	ti->discards_supported = ti->num_discard_bios != 0;
	ti->num_write_zeroes_bios = 1;
	ti->per_io_data_size = sizeof(struct dmr_request);
out:
	if (err && !ti->error[0])
		ti->error = "Out of memory";
	kfree(c);
	return err;
}

static void dmr_put_member(struct dm_target *ti, struct dmr_member *m)
{
	if (m->dm)
		dm_put_device(ti, m->dm);
	else if (m->range.dev)
		dmr_bdev_close(&m->own);
}

/* Also of what the constructor left half built. */
void remap_dtr(struct dm_target *ti)
{
	struct dmr_target *t = ti->private;

	/* A table of several targets may be destroyed after a preresume that worked, without ever being resumed. */
	if (t->running)
		dmr_engine_postsuspend(t->inst.engine);
	dmr_claims_freeze(t);
	dmr_engine_destroy(t->inst.engine);
	dmr_claims_release(t);
	dmr_home_put(t);
	while (t->member_count)
		dmr_put_member(ti, &t->members[--t->member_count]);
	if (t->main)
		dm_put_device(ti, t->main);
	dmr_roles_put(&t->roles);
	dmr_instance_exit(&t->inst);
	kfree(t);
}
