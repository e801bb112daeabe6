// expect: fpu
// flags: -msse2
extern "C" void dmr_scale(double *x);
extern "C" void dmr_scale(double *x) { *x = *x * 3.0; }
