// The kernel has it, but nobody allowed it.
// expect: undefined-symbol
extern "C" int filp_close(void *file, void *id);
extern "C" int dmr_close(void *file);
extern "C" int dmr_close(void *file) { return filp_close(file, nullptr); }
