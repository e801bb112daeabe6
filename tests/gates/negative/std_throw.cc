// A library function that reports errors by throwing.
// expect: cxx-runtime
#include <array>

extern "C" int dmr_at(unsigned int i);
extern "C" int dmr_at(unsigned int i)
{
	std::array<int, 4> values{1, 2, 3, 4};

	asm volatile("" : "+m"(values));
	return values.at(i);
}
