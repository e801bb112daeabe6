// What core may not have is fine in the module it belongs to.
// as: dm-remap-spare-pool
namespace dm_remap::pool {
int allocate(int x);
int allocate(int x) { return x + 1; }
} // namespace dm_remap::pool
