// What map may do: to the bio, to its own data, to this processor's own.
#include <linux/device-mapper.h>
#include <linux/percpu.h>

struct dmr_own {
	sector_t sector;
	u8 epoch;
};

DEFINE_PER_CPU(long, dmr_in_flight_here);
int remap_map(struct dm_target *ti, struct bio *bio);
int remap_map(struct dm_target *ti, struct bio *bio)
{
	struct dmr_own *own = dm_per_bio_data(bio, sizeof(*own));
	const unsigned int *epoch = ti->private;

	own->epoch = *epoch;
	own->sector = bio->bi_iter.bi_sector;
	this_cpu_inc(dmr_in_flight_here);
	if (own->epoch)
		bio->bi_iter.bi_sector += ti->begin;
	return 1;
}
