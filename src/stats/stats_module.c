// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/dm_remap: carries what C++ makes of core's snapshots into sysfs.
 *
 * Lifetime: kobject_del() returns when no show() of that folder runs and lets none begin, so an entry may go right
 * after it, and this module's text once all folders are gone. A device's folder goes before core forgets the device.
 *
 * Locks: core may hold one of its own around device_added() and device_removed(); dmr_stats_snapshot(), called from
 * show(), never takes that one.
 */
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sysfs.h>

#include <dm_remap/stats.h>
#include <dm_remap/version.h>

struct entry {
	struct kobject kobj;
	struct list_head list;
	struct dmr_stats_device *device;
};

static struct kobject *root, *devices;
static LIST_HEAD(entries);
/*
 * Guards entries; held over the snapshots of all of them, so that none goes away meanwhile. Resume and suspend wait for
 * it: nothing is allocated under it but by dmr_alloc().
 */
static DEFINE_MUTEX(entries_lock);

/* All devices, or the one whose folder this is. The caller gives *out back with dmr_free(), unless count is 0. */
static int take_snapshots(struct kobject *kobj, struct dmr_snapshot **out)
{
	struct entry *entry;
	int count = 0;

	if (kobj != root) {
		*out = dmr_alloc(sizeof(**out));
		if (!*out)
			return -ENOMEM;
		dmr_stats_snapshot(container_of(kobj, struct entry, kobj)->device, *out);
		return 1;
	}

	*out = NULL;
	mutex_lock(&entries_lock);
	list_for_each_entry(entry, &entries, list)
		count++;
	if (count) {
		*out = dmr_alloc(count * sizeof(**out));
		count = 0;
		if (*out)
			list_for_each_entry(entry, &entries, list)
				dmr_stats_snapshot(entry->device, *out + count++);
		else
			count = -ENOMEM;
	}
	mutex_unlock(&entries_lock);
	if (count > 0)
		dmr_stats_tell_apart(*out, count);
	return count;
}

static ssize_t all_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct dmr_snapshot *snapshots;
	int count = take_snapshots(kobj, &snapshots);
	ssize_t length;

	if (count < 0)
		return count;
	length = dmr_stats_prometheus(snapshots, count, buf, PAGE_SIZE);
	dmr_free(snapshots);
	return length;
}

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct dmr_snapshot *snapshots, *sum;
	int count = take_snapshots(kobj, &snapshots);
	ssize_t length = -ENOMEM;

	if (count < 0)
		return count;
	sum = dmr_alloc(sizeof(*sum));
	if (sum) {
		dmr_stats_sum(snapshots, count, sum);
		length = dmr_stats_value(attr->attr.name, sum, buf, PAGE_SIZE);
	}
	dmr_free(sum);
	dmr_free(snapshots);
	return length;
}

#define VALUE(name) static struct kobj_attribute name##_attribute = __ATTR(name, 0444, value_show, NULL)

VALUE(total_reads);
VALUE(total_writes);
VALUE(total_remaps);
VALUE(total_errors);
VALUE(active_mappings);
VALUE(last_remap_time);
VALUE(last_error_time);
VALUE(avg_latency_us);
VALUE(remapped_sectors);
VALUE(spare_sectors_used);
VALUE(remap_rate_per_hour);
VALUE(error_rate_per_hour);
VALUE(health_score);
static struct kobj_attribute all_stats_attribute = __ATTR(all_stats, 0444, all_show, NULL);

static struct attribute *stats_attrs[] = {
	&total_reads_attribute.attr,
	&total_writes_attribute.attr,
	&total_remaps_attribute.attr,
	&total_errors_attribute.attr,
	&active_mappings_attribute.attr,
	&last_remap_time_attribute.attr,
	&last_error_time_attribute.attr,
	&avg_latency_us_attribute.attr,
	&remapped_sectors_attribute.attr,
	&spare_sectors_used_attribute.attr,
	&remap_rate_per_hour_attribute.attr,
	&error_rate_per_hour_attribute.attr,
	&health_score_attribute.attr,
	&all_stats_attribute.attr,
	NULL,
};
ATTRIBUTE_GROUPS(stats);

static void entry_release(struct kobject *kobj)
{
	dmr_free(container_of(kobj, struct entry, kobj));
}

static const struct kobj_type entry_type = {
	.release = entry_release,
	.sysfs_ops = &kobj_sysfs_ops,
	.default_groups = stats_groups,
};

static void device_added(struct dmr_stats_device *device, const char *name, void **cookie)
{
	struct entry *entry = dmr_alloc(sizeof(*entry));
	int err = -ENOMEM;

	*cookie = NULL;
	if (!entry)
		goto out;
	entry->device = device;
	/* Older kernels take the type without const; none writes to it. */
	err = kobject_init_and_add(&entry->kobj, (struct kobj_type *)&entry_type, devices, "%s", name);
	if (err) {
		kobject_put(&entry->kobj);
		goto out;
	}
	mutex_lock(&entries_lock);
	list_add_tail(&entry->list, &entries);
	mutex_unlock(&entries_lock);
	*cookie = entry;
out:
	if (err)
		dmr_log(NULL, DMR_LOG_WARN, "stats: no folder for %s in sysfs, error %d", name, err);
}

static void device_removed(struct dmr_stats_device *device, void *cookie)
{
	struct entry *entry = cookie;

	if (!entry)
		return;
	mutex_lock(&entries_lock);
	list_del(&entry->list);
	mutex_unlock(&entries_lock);
	kobject_del(&entry->kobj);
	kobject_put(&entry->kobj);
}

static const struct dmr_stats_ops operations = {
	.owner = THIS_MODULE,
	.abi = DMR_STATS_ABI,
	.device_added = device_added,
	.device_removed = device_removed,
};

static void remove_folders(void)
{
	sysfs_remove_groups(root, stats_groups);
	kobject_put(devices);
	kobject_put(root);
}

static int __init dmr_stats_init(void)
{
	int err = -ENOMEM;

	root = kobject_create_and_add("dm_remap", kernel_kobj);
	if (!root)
		return err;
	devices = kobject_create_and_add("devices", root);
	if (devices)
		err = sysfs_create_groups(root, stats_groups);
	if (err) {
		kobject_put(devices);
		kobject_put(root);
		return err;
	}
	err = dmr_register_stats(&operations);
	if (err)
		remove_folders();
	return err;
}

static void __exit dmr_stats_exit(void)
{
	/* Core removes every device that is still there before it lets go. */
	dmr_unregister_stats(&operations);
	remove_folders();
}

module_init(dmr_stats_init);
module_exit(dmr_stats_exit);

MODULE_DESCRIPTION("dm-remap: statistics");
MODULE_LICENSE("GPL");
MODULE_VERSION(DMR_VERSION);
