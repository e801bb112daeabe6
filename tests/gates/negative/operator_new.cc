// expect: cxx-runtime
extern "C" int *dmr_make(void);
extern "C" int *dmr_make(void) { return new int(3); }
