// A global that needs code to destroy it.
// expect: cxx-runtime static-constructor
struct Global {
	int value = 1;
	constexpr Global() = default;
	~Global() { asm volatile("" : "+m"(value)); }
};

constinit Global global;
