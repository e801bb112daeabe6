/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For the absent half of a probe: code that compiles only if the kernel does
 * not have the name.
 */
#ifndef DMR_PROBE_H
#define DMR_PROBE_H

/* Conflicts with any function or variable of that name. */
#define DMR_NO_FUNCTION(name) \
	struct dmr_conflict; \
	struct dmr_conflict *name(struct dmr_conflict *, struct dmr_conflict *)

/* Conflicts with any type or enumerator of that name. */
#define DMR_NO_TYPE(name) \
	struct dmr_conflict; \
	typedef struct dmr_conflict *name

/* Duplicates the field (with -fms-extensions, the struct's fields are ours). */
#define DMR_NO_FIELD(type, field) \
	struct dmr_duplicate { \
		type; \
		int field; \
	}

#endif
