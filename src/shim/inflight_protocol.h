/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting for the I/O that was sent out before a range was taken: two epochs of in-flight counts.
 *
 * A reader (map) enters the current epoch and looks up ranges and index in one RCU section; end_io leaves the epoch
 * that was entered. A drainer has published its range; it flips the epoch, waits for a grace period, then for the old
 * epoch's count to end. A reader either
 *  - loaded the new epoch: the flip's release and its own acquire let it see the range, or
 *  - loaded the old one: its section has ended with the grace period, so its count is in the sum.
 * After the grace period the old epoch is only left, never entered: each CPU's part of the sum can only fall while the
 * parts are added up, so a sum of 0 is true. A CPU's part may be negative, as an I/O may end on another CPU.
 *
 * No wake-up is lost: leaving is a section of its own, in which the count falls before `draining` is read. If that read
 * gives 0, the section began before the grace period ended which follows the drainer's store, and the
 * drainer finds the count fallen.
 *
 * Who includes this file has defined struct dmr_inflight, with `unsigned int epoch, draining` among its members, all
 * zero at first, and these primitives (src/shim/inflight.h has the kernel's, the threaded test its own):
 *
 *   dmr_if_load(p), dmr_if_load_acquire(p), dmr_if_store(p, v), dmr_if_store_release(p, v)   of unsigned int
 *   dmr_if_section_begin(), dmr_if_section_end()	a section that dmr_if_grace() waits for; never blocks
 *   dmr_if_grace()					returns when all sections that had begun have ended
 *   dmr_if_inc(f, epoch)				count one more, on whatever CPU this is; no ordering
 *   dmr_if_dec_release(f, epoch)			one less; ordered after all that came before
 *   dmr_if_sum_acquire(f, epoch)			long: the sum over all CPUs; ordered before all that follows
 *   dmr_if_wake(f)					wake a dmr_if_wait_idle()
 *   dmr_if_wait_idle(f, epoch, deadline)		sleep until the sum is 0 (true) or the deadline is past (false)
 */
#ifndef DMR_SHIM_INFLIGHT_PROTOCOL_H
#define DMR_SHIM_INFLIGHT_PROTOCOL_H

/* In a section, before ranges or index are read in that section. Returns what dmr_inflight_leave() needs. */
static inline unsigned int dmr_inflight_enter(struct dmr_inflight *f)
{
	unsigned int epoch = dmr_if_load_acquire(&f->epoch);

	dmr_if_inc(f, epoch);
	return epoch;
}

/* The I/O has completed, or is on the slow path now. f outlives the call. */
static inline void dmr_inflight_leave(struct dmr_inflight *f, unsigned int epoch)
{
	unsigned int draining;

	dmr_if_section_begin();
	dmr_if_dec_release(f, epoch);
	draining = dmr_if_load(&f->draining);
	dmr_if_section_end();
	if (__builtin_expect(draining, 0))
		dmr_if_wake(f);
}

/*
 * True when all that had entered before the call has left; false past the deadline. One at a time, outside sections.
 */
static inline bool dmr_inflight_drain_one(struct dmr_inflight *f, uint64_t deadline)
{
	unsigned int old = dmr_if_load(&f->epoch);
	unsigned int next = !old;
	bool idle = true;

	dmr_if_store(&f->draining, 1);
	/*
	 * I/O that an earlier drain gave up waiting for: it is older than this call too, and the epoch must be empty
	 * before it is entered again.
	 */
	if (dmr_if_sum_acquire(f, next)) {
		dmr_if_grace();
		idle = dmr_if_wait_idle(f, next, deadline);
	}
	if (idle) {
		dmr_if_store_release(&f->epoch, next);
		dmr_if_grace();
		idle = dmr_if_wait_idle(f, old, deadline);
	}
	dmr_if_store(&f->draining, 0);
	return idle;
}

#endif
