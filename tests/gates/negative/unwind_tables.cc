// expect: exception-tables
// flags: -fasynchronous-unwind-tables
extern "C" int dmr_plain(int x);
extern "C" int dmr_plain(int x) { return x + 1; }
