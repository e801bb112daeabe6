// The small code model: addresses zero-extended from 32 bits.
// expect: absolute-reloc
// flags: -mcmodel=small -fno-pie
char text[16];
extern "C" char *dmr_text(void);
extern "C" char *dmr_text(void) { return text; }
