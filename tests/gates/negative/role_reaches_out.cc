// Core may submit bios, metadata may not.
// as: dm-remap-metadata
// expect: undefined-symbol
extern "C" void submit_bio(void *bio);
extern "C" void dmr_submit(void *bio);
extern "C" void dmr_submit(void *bio) { submit_bio(bio); }
