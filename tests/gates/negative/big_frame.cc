// expect: frame-size
// log: frame size of [0-9]* bytes is larger than 1024
extern "C" void dmr_use(char *);
extern "C" __attribute__((noinline)) void dmr_use(char *p) { asm volatile("" : : "r"(p) : "memory"); }
extern "C" void dmr_big(void);
extern "C" void dmr_big(void)
{
	char buffer[1100];

	dmr_use(buffer);
}
