// expect: cxx-runtime exception-tables
// flags: -fexceptions
// log: unexpected end of section
extern "C" void dmr_may_throw(void (*f)());
extern "C" void dmr_may_throw(void (*f)())
{
	struct Guard {
		void (*f)();
		__attribute__((noinline)) ~Guard() { f(); }
	} guard{f};

	throw 1;
}
