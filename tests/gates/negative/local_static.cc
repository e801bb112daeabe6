// A static in a function with guards, which belong to the runtime.
// expect: cxx-runtime
// flags: -fthreadsafe-statics
extern "C" int dmr_source(void);
extern "C" int dmr_source(void) { asm volatile(""); return 1; }
extern "C" int dmr_once(void);
extern "C" int dmr_once(void)
{
	static int value = dmr_source();

	return value;
}
