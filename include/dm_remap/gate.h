/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What map looks at, inline, before it asks the engine: is there anything near this I/O but main's own blocks? C and C++ read the
 * same words by the same code; only the engine writes them.
 */
#ifndef DM_REMAP_GATE_H
#define DM_REMAP_GATE_H

#include "kernel_api.h"

#if defined(__cplusplus)
#include "race_point.hh"
#define DMR_RACE_POINT() dm_remap::race_point()
#else
#define DMR_RACE_POINT() do { } while (0)
#endif

/* All zero before the engine is made. What is not atomic is the same from the engine's creation to its end. */
struct dmr_gate {
	uint32_t taken;			/* atomic: how many ranges are held */
	uint32_t any_region;		/* atomic: one bit of the regions is set, or more */
	const uint64_t *regions;	/* one bit a region of main, atomic by words */
	uint64_t region_count;
	uint32_t region_shift;		/* from sectors to regions */
	uint32_t near_shift;
	const uint64_t *near;		/* the same for smaller ones, or NULL: bit i speaks of all whose number is i by this mask */
	uint64_t near_mask;
};

/* Bits first to last of these words are in one word, and clear. Of others this says nothing. */
static inline bool dmr_bits_clear(const uint64_t *words, uint64_t first, uint64_t last)
{
	return (first ^ last) < 64 &&
	       !(__atomic_load_n(&words[first / 64], __ATOMIC_RELAXED) >> first % 64 & ~0ull >> (63 - (last - first)));
}

/* A range is held, or there is anything but main's own blocks anywhere. */
static inline bool dmr_gate_any(const struct dmr_gate *gate)
{
	uint32_t taken = __atomic_load_n(&gate->taken, __ATOMIC_ACQUIRE);

	DMR_RACE_POINT();
	return taken | __atomic_load_n(&gate->any_region, __ATOMIC_RELAXED);
}

/* No range is held, and the regions of these sectors, at least one, are main's alone. */
static inline bool dmr_gate_far(const struct dmr_gate *gate, uint64_t sector, uint32_t sectors)
{
	uint64_t last = (sector + sectors - 1) >> gate->region_shift;

	if (__atomic_load_n(&gate->taken, __ATOMIC_ACQUIRE))
		return false;
	DMR_RACE_POINT();
	return last < gate->region_count && dmr_bits_clear(gate->regions, sector >> gate->region_shift, last);
}

/* The same for the smaller ones. */
static inline bool dmr_gate_near(const struct dmr_gate *gate, uint64_t sector, uint32_t sectors)
{
	uint64_t end = sector + sectors, first = sector >> gate->near_shift, last = (end - 1) >> gate->near_shift;

	if (!gate->near || (first ^ last) >= 64 || (end - 1) >> gate->region_shift >= gate->region_count ||
	    __atomic_load_n(&gate->taken, __ATOMIC_ACQUIRE))
		return false;
	DMR_RACE_POINT();
	return dmr_bits_clear(gate->near, first & gate->near_mask, last & gate->near_mask);
}

/*
 * True: all of these sectors, at least one, are main's. False: ask dmr_engine_route(), in the same section. Context as there.
 *
 * The ranges are looked at first, here and in each of the above: whoever has released one has published what he did under it
 * before, so that who does not see the range any more sees that.
 */
static inline bool dmr_gate_open(const struct dmr_gate *gate, uint64_t sector, uint32_t sectors)
{
	return __builtin_expect(!dmr_gate_any(gate), 1) || dmr_gate_far(gate, sector, sectors) || dmr_gate_near(gate, sector, sectors);
}

#endif
