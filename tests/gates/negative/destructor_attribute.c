// A function that would run when the program ends.
// expect: static-constructor
static void __attribute__((destructor)) at_end(void)
{
	asm volatile("" : : : "memory");
}
