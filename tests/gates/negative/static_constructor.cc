// A global that needs code to initialise it.
// expect: static-constructor
extern "C" int dmr_now(int);
extern "C" int dmr_now(int x) { return x * 2; }

struct Global {
	int value;
	__attribute__((noinline)) explicit Global(int x) : value(dmr_now(x)) { asm volatile("" : "+m"(value)); }
};

Global global(4);
