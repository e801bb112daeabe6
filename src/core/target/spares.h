/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DMR_CORE_TARGET_SPARES_H
#define DMR_CORE_TARGET_SPARES_H

#include "core/target/state.h"

/* The messages about spares: as dmr_engine_message(). process */
int dmr_change_spares(struct dmr_target *t, const struct dmr_spare_message *msg, char *reason);

#endif
