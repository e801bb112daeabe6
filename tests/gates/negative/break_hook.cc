// as: dm-remap-metadata
// expect: break-hook
namespace dm_remap::sim {
bool break_commit_order = false;
}
