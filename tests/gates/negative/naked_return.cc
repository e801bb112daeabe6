// log: 'naked' return found
// flags: -mfunction-return=keep
extern "C" int dmr_plain(int x);
extern "C" int dmr_plain(int x) { return x + 1; }
