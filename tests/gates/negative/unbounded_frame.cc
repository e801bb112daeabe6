// expect: frame-size
extern "C" void dmr_vla(unsigned int n);
extern "C" void dmr_vla(unsigned int n)
{
	void *p = __builtin_alloca(n);

	asm volatile("" : : "r"(p) : "memory");
}
