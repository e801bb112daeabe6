// SPDX-License-Identifier: GPL-2.0
/*
 * The original bio is never submitted again. Sub-bios live on the worker's stack and borrow its pages; they are set
 * up afresh rather than cloned, so that no flag comes along that was meant for another device.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "shim/device.h"
#include "shim/instance.h"

enum { ZERO_VECS = 16 };

void dmr_request_describe(const struct dmr_request *req, struct dmr_request_info *out)
{
	out->op = dmr_op_of(req->opf);
	out->sector = req->iter.bi_sector;
	out->sectors = req->iter.bi_size >> SECTOR_SHIFT;
	out->flags = req->opf & REQ_FUA ? DMR_IO_FUA : 0;
	out->main_moment = req->main_moment;
	out->failed = (__force dmr_status)req->failed;
}
EXPORT_SYMBOL_GPL(dmr_request_describe);

struct dmr_request *dmr_request_next(const struct dmr_request *req)
{
	struct bio *next = dmr_request_bio(req)->bi_next;

	return next ? dm_per_bio_data(next, sizeof(*req)) : NULL;
}
EXPORT_SYMBOL_GPL(dmr_request_next);

void dmr_request_set_next(struct dmr_request *req, struct dmr_request *next)
{
	dmr_request_bio(req)->bi_next = next ? dmr_request_bio(next) : NULL;
}
EXPORT_SYMBOL_GPL(dmr_request_set_next);

static dmr_status dmr_write_zeroes(struct block_device *bdev, blk_opf_t opf, uint64_t sector, uint32_t sectors)
{
	struct bio_vec vecs[ZERO_VECS];
	dmr_status status = DMR_STS_OK;
	struct bio bio;

	while (sectors && status == DMR_STS_OK) {
		uint32_t part = min_t(uint32_t, sectors, ZERO_VECS << (PAGE_SHIFT - SECTOR_SHIFT));
		uint32_t left = part << SECTOR_SHIFT;

		dmr_bio_init(&bio, bdev, vecs, ZERO_VECS, opf);
		bio.bi_iter.bi_sector = sector;
		for (; left; left -= min_t(uint32_t, left, PAGE_SIZE))
			__bio_add_page(&bio, ZERO_PAGE(0), min_t(uint32_t, left, PAGE_SIZE), 0);
		status = dmr_bio_wait(&bio);
		sector += part;
		sectors -= part;
	}
	return status;
}

dmr_status dmr_request_io(struct dmr_request *req, uint32_t offset, uint32_t sectors, struct dmr_device *dev,
			  uint64_t sector, uint32_t flags)
{
	blk_opf_t opf = (req->opf & (REQ_SYNC | REQ_META | REQ_PRIO)) | (flags & DMR_IO_FUA ? REQ_FUA : 0);
	struct bio *original = dmr_request_bio(req);
	struct bvec_iter iter = req->iter;
	struct bio bio;

	switch (dmr_op_of(req->opf)) {
	case DMR_OP_READ:
		opf |= REQ_OP_READ;
		break;
	case DMR_OP_WRITE:
		opf |= REQ_OP_WRITE;
		break;
	case DMR_OP_WRITE_ZEROES:
		return dmr_write_zeroes(dev->bdev, opf | REQ_OP_WRITE, sector, sectors);
	case DMR_OP_DISCARD:
		if (!dmr_bdev_discards(dev->bdev))
			return DMR_STS_OK;
		opf = REQ_OP_DISCARD;
		break;
	case DMR_OP_FLUSH:
		return DMR_STS_NOTSUPP;
	}
	bio_advance_iter(original, &iter, offset << SECTOR_SHIFT);
	iter.bi_size = sectors << SECTOR_SHIFT;
	iter.bi_sector = sector;

	dmr_bio_init(&bio, dev->bdev, original->bi_io_vec, 0, opf);
	bio_set_flag(&bio, BIO_CLONED); /* the pages are not its own */
	bio.bi_ioprio = original->bi_ioprio;
	bio.bi_iter = iter;
	return dmr_bio_wait(&bio);
}
EXPORT_SYMBOL_GPL(dmr_request_io);

/*
 * end_io runs (once more, if the bio has failed before), and finds the mark. So does bio_endio(): what it tells of the
 * device below was told the first time.
 */
void dmr_request_end(struct dmr_request *req, dmr_status status)
{
	struct bio *bio = dmr_request_bio(req);

	req->state = DMR_REQUEST_ENDED;
	bio->bi_next = NULL;
	bio->bi_status = (__force blk_status_t)status;
	dmr_bio_end_told(bio);
	bio_endio(bio);
}
EXPORT_SYMBOL_GPL(dmr_request_end);
