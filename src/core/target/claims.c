// SPDX-License-Identifier: GPL-2.0
/*
 * Who uses what. device-mapper opens the members of all its devices with one holder, so its exclusive open keeps out
 * mounts, but no other remap device. Ranges are compared on the whole disk: a partition is part of it.
 *
 * Only tables of one mapped device may overlap: the live one, and the one that is to replace it.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "core/target/claims.h"

static DEFINE_MUTEX(dmr_claims_lock);
static LIST_HEAD(dmr_claimants);	/* targets by ->claims */
static LIST_HEAD(dmr_homes);

/* What tables of a mapped device leave to each other. One of several targets in a table has its own. */
struct dmr_home {
	struct list_head list;
	struct mapped_device *md;
	sector_t begin;
	unsigned int users;
	size_t size;
	void *persistent;
};

struct dmr_range {
	struct block_device *bdev;
	u64 start, end;	/* on bdev */
};

static struct mapped_device *dmr_md(const struct dmr_target *t)
{
	return dm_table_get_md(t->inst.ti->table);
}

/* A member that the engine has let go of, by a message or at the end of a job, leaves its range to others. */
static bool dmr_member_left(const struct dmr_target *t, struct dmr_member *m)
{
	if (t->alive && m->joined && !dmr_engine_has_member(t->inst.engine, &m->range))
		m->left = true;
	return m->left;
}

/* 0 is main, the members follow. An empty range: the member is missing, or has left. */
static struct dmr_range dmr_range_of(struct dmr_target *t, unsigned int i)
{
	struct dmr_member *m;

	if (i == 0)
		return (struct dmr_range){ t->main->bdev, 0, t->inst.ti->len };
	m = &t->members[i - 1];
	if (!m->range.dev || dmr_member_left(t, m))
		return (struct dmr_range){ t->main->bdev, 0, 0 };
	return (struct dmr_range){ m->dev.bdev, m->range.start, m->range.start + m->range.sectors };
}

/* Cuts *a down to what it shares with b, if anything. */
static bool dmr_intersect(struct dmr_range *a, const struct dmr_range *b)
{
	u64 base = get_start_sect(a->bdev), other = get_start_sect(b->bdev);
	u64 start = max(base + a->start, other + b->start), end = min(base + a->end, other + b->end);

	if (bdev_whole(a->bdev) != bdev_whole(b->bdev) || start >= end)
		return false;
	a->start = start - base;
	a->end = end - base;
	return true;
}

static int dmr_range_taken(const struct dmr_range *range, const struct dmr_target *t, struct dmr_target *by,
			   char *reason)
{
	char device[32], name[DMR_NAME_SIZE];

	scnprintf(device, sizeof(device), "%u:%u", MAJOR(range->bdev->bd_dev), MINOR(range->bdev->bd_dev));
	if (by == t && t->alive) {
		scnprintf(reason, DMR_REASON_SIZE, "%s sectors %llu..%llu are in use by this device", device,
			  range->start, range->end - 1);
	} else if (dmr_md(by) == dmr_md(t)) {
		scnprintf(reason, DMR_REASON_SIZE, "%s sectors %llu..%llu are named twice in this table", device,
			  range->start, range->end - 1);
	} else {
		dmr_instance_name(&by->inst, name);
		scnprintf(reason, DMR_REASON_SIZE, "%s sectors %llu..%llu are in use by remap device '%s'", device,
			  range->start, range->end - 1, name);
	}
	return -EBUSY;
}

/* May what these two use overlap? */
static bool dmr_share(const struct dmr_target *a, const struct dmr_target *b)
{
	return dmr_md(a) == dmr_md(b) && a->inst.ti->table != b->inst.ti->table;
}

/* Against those before it, and all of other targets. */
static int dmr_check_range(struct dmr_target *t, unsigned int i, char *reason)
{
	struct dmr_range range = dmr_range_of(t, i), taken;
	struct dmr_target *other;
	unsigned int j;

	for (j = 0; j < i; j++) {
		taken = dmr_range_of(t, j);
		if (dmr_intersect(&range, &taken))
			return dmr_range_taken(&range, t, t, reason);
	}
	list_for_each_entry(other, &dmr_claimants, claims) {
		for (j = 0; other != t && j <= other->member_count && !dmr_share(t, other); j++) {
			taken = dmr_range_of(other, j);
			if (dmr_intersect(&range, &taken))
				return dmr_range_taken(&range, t, other, reason);
		}
	}
	return 0;
}

/* A table that is made while the set changes would be refused at its resume, when the old one is gone. */
static int dmr_check_steady(const struct dmr_target *t, char *reason)
{
	const struct dmr_target *other;

	list_for_each_entry(other, &dmr_claimants, claims) {
		if (!dmr_share(t, other) || !other->alive)
			continue;
		if (!other->changing && !dmr_engine_removing(other->inst.engine))
			continue;
		scnprintf(reason, DMR_REASON_SIZE,
			  "a spare of the device is being added or removed: wait for the end of that, or send remove_spare <dev> cancel");
		return -EBUSY;
	}
	return 0;
}

int dmr_claim_ranges(struct dmr_target *t, char *reason)
{
	unsigned int i;
	int err;

	mutex_lock(&dmr_claims_lock);
	err = dmr_check_steady(t, reason);
	for (i = 0; !err && i <= t->member_count; i++)
		err = dmr_check_range(t, i, reason);
	if (!err)
		list_add(&t->claims, &dmr_claimants);
	mutex_unlock(&dmr_claims_lock);
	return err;
}

int dmr_claims_change_begin(struct dmr_target *t, char *reason)
{
	const struct dmr_target *other;
	int err = 0;

	mutex_lock(&dmr_claims_lock);
	list_for_each_entry(other, &dmr_claimants, claims)
		if (dmr_share(t, other) && !other->started)
			err = -EBUSY;
	if (err)
		scnprintf(reason, DMR_REASON_SIZE, "a table is loaded: resume or clear it first");
	else if (t->changing) {
		scnprintf(reason, DMR_REASON_SIZE, "another message changes the spares: wait for its end");
		err = -EBUSY;
	} else {
		t->changing = true;
	}
	mutex_unlock(&dmr_claims_lock);
	return err;
}

void dmr_claims_change_end(struct dmr_target *t)
{
	mutex_lock(&dmr_claims_lock);
	t->changing = false;
	mutex_unlock(&dmr_claims_lock);
}

int dmr_claim_member(struct dmr_target *t, char *reason)
{
	int err;

	mutex_lock(&dmr_claims_lock);
	err = dmr_check_range(t, t->member_count + 1, reason);
	if (!err)
		smp_store_release(&t->member_count, t->member_count + 1);
	mutex_unlock(&dmr_claims_lock);
	return err;
}

void dmr_claim_member_undo(struct dmr_target *t)
{
	mutex_lock(&dmr_claims_lock);
	WRITE_ONCE(t->member_count, t->member_count - 1);
	mutex_unlock(&dmr_claims_lock);
}

static struct dmr_target *dmr_uuid_user(const struct dmr_target *t, const u8 *uuid)
{
	struct dmr_target *other;
	unsigned int i;

	list_for_each_entry(other, &dmr_claimants, claims)
		for (i = 0; other != t && i < other->uuid_count && !dmr_share(t, other); i++)
			if (!memcmp(other->uuids[i], uuid, DMR_UUID_SIZE))
				return other;
	return NULL;
}

/* Those of members that are missing too: another device must not have them meanwhile. */
static void dmr_note_uuids(struct dmr_target *t, const struct dmr_setup *setup)
{
	unsigned int i;

	t->uuid_count = 0;
	for (i = 0; i < setup->member_count; i++)
		if (setup->members[i].state != DMR_MEMBER_ABSENT)
			memcpy(t->uuids[t->uuid_count++], setup->members[i].uuid, DMR_UUID_SIZE);
	memcpy(t->set_uuid, setup->set_uuid, DMR_UUID_SIZE);
}

int dmr_claim_uuids(struct dmr_target *t, const struct dmr_setup *setup, char *reason)
{
	struct dmr_target *other = NULL;
	char name[DMR_NAME_SIZE];
	unsigned int i;

	mutex_lock(&dmr_claims_lock);
	for (i = 0; i < setup->member_count && !other; i++) {
		if (setup->members[i].state == DMR_MEMBER_ABSENT)
			continue;
		other = dmr_uuid_user(t, setup->members[i].uuid);
		if (!other)
			continue;
		dmr_instance_name(&other->inst, name);
		scnprintf(reason, DMR_REASON_SIZE,
			  "member %u, UUID %pUb, is a copy of one in use by remap device '%s': name the one that was in use last, and leave the other out",
			  i, setup->members[i].uuid, name);
	}
	if (!other) {
		dmr_note_uuids(t, setup);
		for (i = 0; i < t->member_count; i++)
			t->members[i].joined = t->members[i].range.dev;
		t->alive = true;
	}
	mutex_unlock(&dmr_claims_lock);
	return other ? -EBUSY : 0;
}

void dmr_claim_member_joined(struct dmr_target *t, const struct dmr_setup *setup)
{
	mutex_lock(&dmr_claims_lock);
	dmr_note_uuids(t, setup);
	t->members[t->member_count - 1].joined = true;
	mutex_unlock(&dmr_claims_lock);
}

void dmr_claims_members_left(struct dmr_target *t, const struct dmr_setup *setup)
{
	mutex_lock(&dmr_claims_lock);
	dmr_note_uuids(t, setup);
	mutex_unlock(&dmr_claims_lock);
}

void dmr_claims_freeze(struct dmr_target *t)
{
	unsigned int i;

	mutex_lock(&dmr_claims_lock);
	for (i = 0; i < t->member_count; i++)
		dmr_member_left(t, &t->members[i]);
	t->alive = false;
	mutex_unlock(&dmr_claims_lock);
}

void dmr_claims_release(struct dmr_target *t)
{
	mutex_lock(&dmr_claims_lock);
	list_del_init(&t->claims);
	mutex_unlock(&dmr_claims_lock);
}

void dmr_claims_started(struct dmr_target *t)
{
	mutex_lock(&dmr_claims_lock);
	t->started = true;
	mutex_unlock(&dmr_claims_lock);
}

void dmr_claims_served(struct dmr_target *t)
{
	mutex_lock(&dmr_claims_lock);
	t->served = true;
	mutex_unlock(&dmr_claims_lock);
}

bool dmr_claims_main_live(struct dmr_target *t, u8 *set_uuid)
{
	struct dmr_target *other;
	bool live = false;

	mutex_lock(&dmr_claims_lock);
	list_for_each_entry(other, &dmr_claimants, claims) {
		struct dmr_range main = dmr_range_of(t, 0), used = dmr_range_of(other, 0);

		if (!other->served || !dmr_share(t, other) || !dmr_intersect(&main, &used))
			continue;
		memcpy(set_uuid, other->set_uuid, DMR_UUID_SIZE);
		live = true;
	}
	mutex_unlock(&dmr_claims_lock);
	return live;
}

bool dmr_claims_members_live(struct dmr_target *t)
{
	struct dmr_target *other;
	unsigned int i, j;
	bool live = false;

	mutex_lock(&dmr_claims_lock);
	list_for_each_entry(other, &dmr_claimants, claims) {
		if (!other->started || !dmr_share(t, other))
			continue;
		for (i = 1; i <= t->member_count; i++) {
			for (j = 1; j <= other->member_count; j++) {
				struct dmr_range range = dmr_range_of(t, i), used = dmr_range_of(other, j);

				live |= dmr_intersect(&range, &used);
			}
		}
	}
	mutex_unlock(&dmr_claims_lock);
	return live;
}

int dmr_home_get(struct dmr_target *t)
{
	struct mapped_device *md = dmr_md(t);
	struct dmr_home *home;

	mutex_lock(&dmr_claims_lock);
	list_for_each_entry(home, &dmr_homes, list)
		if (home->md == md && home->begin == t->inst.ti->begin)
			goto found;
	home = kzalloc(sizeof(*home), GFP_NOIO);
	if (!home)
		goto out;
	home->md = md;
	home->begin = t->inst.ti->begin;
	list_add(&home->list, &dmr_homes);
found:
	home->users++;
	t->home = home;
out:
	mutex_unlock(&dmr_claims_lock);
	return home ? 0 : -ENOMEM;
}

void dmr_home_put(struct dmr_target *t)
{
	struct dmr_home *home = t->home;

	if (!home)
		return;
	mutex_lock(&dmr_claims_lock);
	if (--home->users == 0) {
		list_del(&home->list);
		dmr_free(home->persistent);
		kfree(home);
	}
	mutex_unlock(&dmr_claims_lock);
}

void *dmr_instance_persistent(struct dmr_instance *inst, size_t size)
{
	struct dmr_home *home = container_of(inst, struct dmr_target, inst)->home;
	void *p = NULL;

	mutex_lock(&dmr_claims_lock);
	if (!home->persistent) {
		home->persistent = dmr_alloc(size);
		home->size = size;
	}
	if (size <= home->size)
		p = home->persistent;
	mutex_unlock(&dmr_claims_lock);
	return p;
}
EXPORT_SYMBOL_GPL(dmr_instance_persistent);
