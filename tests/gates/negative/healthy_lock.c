// expect: healthy-path
#include <linux/atomic.h>

struct bio;
struct dm_target;
extern atomic_t dmr_in_flight;
atomic_t dmr_in_flight;

int remap_map(struct dm_target *ti, struct bio *bio);
int remap_map(struct dm_target *ti, struct bio *bio)
{
	atomic_inc(&dmr_in_flight);
	return 1;
}
