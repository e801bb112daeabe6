/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One fact about the map, as it travels between core, metadata and pool (host byte order; the encoding on disk is in
 * format.hh). Blocks are units of main's logical block size, counted from main's start, or from the start of a
 * member's range (so the blocks of its metadata area are never valid spare blocks).
 */
#ifndef DM_REMAP_RECORD_H
#define DM_REMAP_RECORD_H

#if defined(__cplusplus)
#include <cstdint>
#else
#include <linux/types.h>
#endif

enum dmr_record_kind {
	DMR_RECORD_MAP = 1,	/* main_block.. is served by spare_block.. of member; replaces what was said of main_block.. */
	DMR_RECORD_PENDING = 2,	/* main_block.. could not be read; spare_block and member are 0 */
	DMR_RECORD_CLEAR = 3,	/* main_block.. is served by main again; spare_block and member are 0 */
	DMR_RECORD_BAD_SPARE = 4, /* spare_block.. of member refused a write and is never used again; main_block is 0 */
	/* main_block.. lived on a spare that was given up: main holds what is outdated, nobody the data; spare_block and member are 0 */
	DMR_RECORD_LOST = 5,
};

/*
 * With DMR_RECORD_MAP: main_block.. is guarded, and may hold guard blocks (guard.hh) from the moment when this is durable. What
 * main has there is nobody's data.
 */
enum { DMR_RECORD_GUARDED = 1 << 0 };

struct dmr_record {
	uint64_t main_block;
	uint64_t spare_block;
	uint32_t length;	/* blocks, at least 1 */
	uint8_t kind;		/* enum dmr_record_kind */
	uint8_t member;		/* index in the set's member list */
	uint16_t flags;		/* DMR_RECORD_GUARDED */
};

enum { DMR_MAX_MEMBERS = 16 };

#endif
