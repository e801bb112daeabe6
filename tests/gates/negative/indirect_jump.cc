// log: indirect (jump|call) found
// flags: -mindirect-branch=keep
extern "C" int dmr_forward(int (*f)(int));
extern "C" int dmr_forward(int (*f)(int)) { return f(1) + f(2); }
