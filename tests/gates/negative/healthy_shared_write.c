// expect: healthy-path
// The bio may be written to, and what is said to be this processor's own; what a pointer in the target leads to may not.
#include <linux/device-mapper.h>
#include <linux/percpu.h>

DEFINE_PER_CPU(long, dmr_in_flight);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *status);
int remap_end_io(struct dm_target *ti, struct bio *bio, blk_status_t *status)
{
	long *ended = ti->private;

	bio->bi_iter.bi_sector = 0;
	this_cpu_dec(dmr_in_flight);
	if (*status)
		(*ended)++;
	return 0;
}
