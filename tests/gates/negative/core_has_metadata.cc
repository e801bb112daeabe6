// expect: core-separation
namespace dm_remap::metadata {
struct Log {
	static int append(int);
};
int Log::append(int x) { return x + 1; }
} // namespace dm_remap::metadata
