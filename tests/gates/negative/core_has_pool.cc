// expect: core-separation
namespace dm_remap::pool {
struct Allocator {
	virtual int allocate() const;
};
int Allocator::allocate() const { return 1; }
} // namespace dm_remap::pool
