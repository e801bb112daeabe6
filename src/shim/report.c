// SPDX-License-Identifier: GPL-2.0
/* What administrators see: names, log lines and events. */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/printk.h>

#include "shim/instance.h"

static const char *const dmr_levels[DMR_LOG_LEVELS] = {
	[DMR_LOG_ERR] = KERN_ERR,
	[DMR_LOG_WARN] = KERN_WARNING,
	[DMR_LOG_INFO] = KERN_INFO,
};

/* Each level has its own limit, so that much news of one kind does not hide what is worse. */
static struct ratelimit_state dmr_log_limits[DMR_LOG_LEVELS] = {
	[0 ... DMR_LOG_LEVELS - 1] = RATELIMIT_STATE_INIT(dmr_log_limits, 5 * HZ, 50),
};

void dmr_instance_name(struct dmr_instance *inst, char name[DMR_NAME_SIZE])
{
	bool gone = dm_copy_name_and_uuid(dm_table_get_md(inst->ti->table), name, NULL);
	unsigned long flags;

	spin_lock_irqsave(&inst->lock, flags);
	if (gone)
		strscpy(name, inst->last_name, DMR_NAME_SIZE);
	else
		strscpy(inst->last_name, name, DMR_NAME_SIZE);
	spin_unlock_irqrestore(&inst->lock, flags);
}

void dmr_log(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...)
{
	struct va_format line = { .fmt = fmt };
	char name[DMR_NAME_SIZE] = "";
	va_list args;

	if (!__ratelimit(&(inst ? inst->log_limits : dmr_log_limits)[level]))
		return;
	if (inst)
		dmr_instance_name(inst, name);
	va_start(args, fmt);
	line.va = &args;
	printk("%sdm-remap: %s%s%pV\n", dmr_levels[level], name, inst ? ": " : "", &line);
	va_end(args);
}
EXPORT_SYMBOL_GPL(dmr_log);

void dmr_log_later(struct dmr_instance *inst, enum dmr_log_level level, const char *fmt, ...)
{
	unsigned long flags;
	va_list args;

	spin_lock_irqsave(&inst->lock, flags);
	if (!inst->later[0]) {
		va_start(args, fmt);
		vscnprintf(inst->later, sizeof(inst->later), fmt, args);
		va_end(args);
		inst->later_level = level;
	}
	spin_unlock_irqrestore(&inst->lock, flags);
	queue_work(system_long_wq, &inst->event_work);
}
EXPORT_SYMBOL_GPL(dmr_log_later);

static void dmr_log_now(struct dmr_instance *inst)
{
	char text[sizeof(inst->later)];
	enum dmr_log_level level;
	unsigned long flags;

	spin_lock_irqsave(&inst->lock, flags);
	strscpy(text, inst->later, sizeof(text));
	level = inst->later_level;
	inst->later[0] = '\0';
	spin_unlock_irqrestore(&inst->lock, flags);
	if (text[0])
		dmr_log(inst, level, "%s", text);
}

static const char *const dmr_event_names[DMR_EVENT_COUNT] = {
	[DMR_EVENT_FIRST_REMAP] = "first_remap",
	[DMR_EVENT_SPARE_LOW] = "spare_low",
	[DMR_EVENT_SPARE_EXHAUSTED] = "spare_exhausted",
	[DMR_EVENT_MAP_FULL] = "map_full",
	[DMR_EVENT_PENDING] = "pending",
	[DMR_EVENT_MEMBER_FAILED] = "member_failed",
	[DMR_EVENT_MEMBER_REMOVED] = "member_removed",
	[DMR_EVENT_JOB_ENDED] = "job_ended",
	[DMR_EVENT_SCRUB_BEGUN] = "scrub_begun",
	[DMR_EVENT_SCRUB_ENDED] = "scrub_ended",
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

	dmr_log_now(inst);
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
	unsigned int level;

	inst->ti = ti;
	spin_lock_init(&inst->lock);
	strscpy(inst->last_name, dm_device_name(dm_table_get_md(ti->table)), sizeof(inst->last_name));
	for (level = 0; level < DMR_LOG_LEVELS; level++)
		ratelimit_state_init(&inst->log_limits[level], 5 * HZ, 50);
	INIT_WORK(&inst->event_work, dmr_send_events);
	return dmr_inflight_init(&inst->inflight);
}

void dmr_instance_exit(struct dmr_instance *inst)
{
	flush_work(&inst->event_work);
	dmr_inflight_exit(&inst->inflight);
}
