// expect: frame-size
// log: frame size of [0-9]* bytes is larger than 1024
void dmr_big_c(void);
void dmr_big_c(void)
{
	char buffer[1100];

	asm volatile("" : : "r"(buffer) : "memory");
}
