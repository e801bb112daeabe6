/* SPDX-License-Identifier: GPL-2.0 */
/* What may be main or a spare. Process context. */
#ifndef DMR_CORE_TARGET_CHECKS_H
#define DMR_CORE_TARGET_CHECKS_H

#include "dm_remap/engine.h"
#include "shim/device.h"

/* The reason, and -EINVAL. */
__printf(2, 3) int dmr_refuse(char *reason, const char *fmt, ...);

/* Each 0, or a negative errno with a reason. role: "main" or "spare"; path: as the user named it. */
int dmr_check_device(const char *role, const char *path, struct block_device *bdev, dmr_blk_mode_t mode, char *reason);
int dmr_check_main(struct dm_target *ti, const char *path, struct block_device *bdev, char *reason);
int dmr_check_spare(struct block_device *main, const struct dmr_table_member *m, struct block_device *bdev, char *reason);

#endif
