// log: unused variable
extern "C" int dmr_plain(int x);
extern "C" int dmr_plain(int x)
{
	int unused = 1;

	return x;
}
