// SPDX-License-Identifier: GPL-2.0
/* What administrators see: log lines and events. */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/printk.h>

#include "shim/instance.h"

static DEFINE_RATELIMIT_STATE(dmr_log_limit, 5 * HZ, 50);

static const char *const dmr_levels[] = {
	[DMR_LOG_ERR] = KERN_ERR,
	[DMR_LOG_WARN] = KERN_WARNING,
	[DMR_LOG_INFO] = KERN_INFO,
};

void dmr_log(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...)
{
	struct va_format line = { .fmt = fmt };
	va_list args;

	if (!__ratelimit(inst ? &inst->log_limit : &dmr_log_limit))
		return;
	va_start(args, fmt);
	line.va = &args;
	printk("%sdm-remap: %s%s%pV\n", dmr_levels[level], inst ? inst->name : "", inst ? ": " : "", &line);
	va_end(args);
}
EXPORT_SYMBOL_GPL(dmr_log);

static const char *const dmr_event_names[DMR_EVENT_COUNT] = {
	[DMR_EVENT_FIRST_REMAP] = "first_remap",
	[DMR_EVENT_SPARE_LOW] = "spare_low",
	[DMR_EVENT_SPARE_EXHAUSTED] = "spare_exhausted",
	[DMR_EVENT_MAP_FULL] = "map_full",
	[DMR_EVENT_PENDING] = "pending",
	[DMR_EVENT_MEMBER_FAILED] = "member_failed",
	[DMR_EVENT_MEMBER_REMOVED] = "member_removed",
	[DMR_EVENT_MAIN_GONE] = "main_gone",
	[DMR_EVENT_MAIN_READ_ONLY] = "main_read_only",
	[DMR_EVENT_FLUSH_FAILED] = "flush_failed",
};

/* Allocates and takes locks that the whole system shares: never in the way of I/O. */
static void dmr_send_events(struct work_struct *work)
{
	struct dmr_instance *inst = container_of(work, struct dmr_instance, event_work);
	struct kobject *disk = &disk_to_dev(dm_disk(dm_table_get_md(inst->ti->table)))->kobj;
	unsigned int kind;

	for (kind = 0; kind < DMR_EVENT_COUNT; kind++) {
		char text[48];
		char *environment[] = { text, NULL };

		if (!test_and_clear_bit(kind, &inst->events))
			continue;
		scnprintf(text, sizeof(text), "DM_REMAP_EVENT=%s", dmr_event_names[kind]);
		kobject_uevent_env(disk, KOBJ_CHANGE, environment);
		dm_table_event(inst->ti->table);
	}
}

void dmr_event(struct dmr_instance *inst, enum dmr_event_kind kind)
{
	set_bit(kind, &inst->events);
	queue_work(system_long_wq, &inst->event_work);
}
EXPORT_SYMBOL_GPL(dmr_event);

int dmr_instance_init(struct dmr_instance *inst, struct dm_target *ti)
{
	struct mapped_device *md = dm_table_get_md(ti->table);

	inst->ti = ti;
	if (dm_copy_name_and_uuid(md, inst->name, NULL))
		strscpy(inst->name, dm_device_name(md), sizeof(inst->name));
	ratelimit_state_init(&inst->log_limit, 5 * HZ, 50);
	INIT_WORK(&inst->event_work, dmr_send_events);
	return dmr_inflight_init(&inst->inflight);
}

void dmr_instance_exit(struct dmr_instance *inst)
{
	flush_work(&inst->event_work);
	dmr_inflight_exit(&inst->inflight);
}
