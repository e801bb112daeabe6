/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DMR_CORE_TARGET_CONSTRUCT_H
#define DMR_CORE_TARGET_CONSTRUCT_H

#include "core/target/state.h"

int remap_ctr(struct dm_target *ti, unsigned int argc, char **argv);
void remap_dtr(struct dm_target *ti);

#endif
