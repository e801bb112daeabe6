/* SPDX-License-Identifier: GPL-2.0 */
/* The role modules: who provides what. Process context. */
#ifndef DMR_CORE_TARGET_ROLES_H
#define DMR_CORE_TARGET_ROLES_H

#include "core/target/state.h"

/* Loads what is missing: from the constructor only. 0 or -ENOENT with a reason. */
int dmr_roles_get(struct dmr_roles *roles, char *reason);
void dmr_roles_put(struct dmr_roles *roles); /* of what was got, if anything */

#endif
