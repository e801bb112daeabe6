/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DMR_CORE_TARGET_TARGET_H
#define DMR_CORE_TARGET_TARGET_H

#include <linux/device-mapper.h>

extern struct target_type dmr_target_type;

#endif
