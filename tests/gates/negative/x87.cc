// expect: fpu
// flags: -mhard-float -m80387
extern "C" void dmr_scale(long double *x);
extern "C" void dmr_scale(long double *x) { *x = *x * *x; }
