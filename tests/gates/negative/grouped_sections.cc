// Inline functions that each leave a section of one name in the group of their own, as ftrace's places do on arm64: the
// rules of Kbuild must have linked them into one.
inline int dmr_one(int x)
{
	asm volatile(".pushsection dmr_places, \"aG\", %%progbits, dmr_one_places, comdat\n.quad 1\n.popsection" ::: "memory");
	return x + 1;
}

inline int dmr_two(int x)
{
	asm volatile(".pushsection dmr_places, \"aG\", %%progbits, dmr_two_places, comdat\n.quad 2\n.popsection" ::: "memory");
	return x + 2;
}

extern "C" int dmr_grouped(int x);
extern "C" int dmr_grouped(int x)
{
	return dmr_one(x) * dmr_two(x);
}
