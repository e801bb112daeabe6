/* SPDX-License-Identifier: GPL-2.0 */
/* Who uses what: devices, ranges and UUIDs of all tables there are. Process context. */
#ifndef DMR_CORE_TARGET_CLAIMS_H
#define DMR_CORE_TARGET_CLAIMS_H

#include "core/target/state.h"

/* Main and every member's range. -EBUSY with a reason that names who has it. */
int dmr_claim_ranges(struct dmr_target *t, char *reason);
/* The members' UUIDs, from the engine: a copy of a member is refused. */
int dmr_claim_uuids(struct dmr_target *t, const struct dmr_setup *setup, char *reason);
/* The engine is about to go: what its members use stays claimed until the release. Also of a table half built. */
void dmr_claims_freeze(struct dmr_target *t);
void dmr_claims_release(struct dmr_target *t); /* if anything was claimed */
/*
 * No other table of the mapped device is there, or comes, until dmr_claims_change_end(): it would find the set changed
 * at its resume, when there is no way back. -EBUSY with a reason.
 */
int dmr_claims_change_begin(struct dmr_target *t, char *reason);
void dmr_claims_change_end(struct dmr_target *t);
/* The member after the last one, filled in, becomes the last one; or no longer is. Within a change. */
int dmr_claim_member(struct dmr_target *t, char *reason);
void dmr_claim_member_undo(struct dmr_target *t);
void dmr_claim_member_joined(struct dmr_target *t, const struct dmr_setup *setup);
/* The set knows some member no more: its UUID is free. Within a change. */
void dmr_claims_members_left(struct dmr_target *t, const struct dmr_setup *setup);
void dmr_claims_started(struct dmr_target *t);
void dmr_claims_served(struct dmr_target *t);
/* Does another table of the same mapped device run on these members? */
bool dmr_claims_members_live(struct dmr_target *t);
/* Has another table of the same mapped device served this main? Then also with which set. */
bool dmr_claims_main_live(struct dmr_target *t, u8 *set_uuid);

int dmr_home_get(struct dmr_target *t);
void dmr_home_put(struct dmr_target *t);

#endif
