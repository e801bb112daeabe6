// expect: got-reloc
// flags: -mcmodel=small -fPIC
int value;
extern "C" __attribute__((no_instrument_function)) int *dmr_value(void);
extern "C" __attribute__((no_instrument_function)) int *dmr_value(void) { return &value; }
