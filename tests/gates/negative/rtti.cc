// expect: cxx-runtime
// flags: -frtti
struct Base {
	virtual int f() const { return 1; }
};

struct Derived final : Base {
	int f() const override { return 2; }
};

constinit Derived derived;
extern "C" const Base *dmr_base(void);
extern "C" const Base *dmr_base(void) { return &derived; }
