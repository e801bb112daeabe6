// SPDX-License-Identifier: GPL-2.0
#include "metadata_story.hh"

namespace dm_remap::fuzz {

namespace {

constexpr Seed all[] = {
	{"blank", 2, Table::format, [](Story &) {}},
	{"empty", 1, 0, [](Story &s) { s.create(); s.remove(); }},
	{"log", 1, 0, [](Story &s) { s.create(); s.remap(2); s.make_pending(); s.remove(); }},
	{"read_only", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(1);
		 s.make_pending();
		 s.remove();
		 s.table.flags = Table::read_only;
	 }},
	{"big_blocks", 1, Table::blocks_of_4096, [](Story &s) { s.create(); s.remap(3); s.remove(); }},
	// Both checkpoints have a body, and the log is in its third half.
	{"wrapped", 1, 0, [](Story &s) { s.create(); s.remap(14); s.remove(); }},
	{"bad_spare", 1, 0, [](Story &s) {
		 s.create();
		 s.spare(0).fail(256, 4, host::Fault::unwritable());
		 s.remap(3);
		 s.remove();
	 }},
	{"torn", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.cut(9, [&] { s.remap(1); });
	 }},
	{"half_formatted", 1, 0, [](Story &s) { s.cut(17, [&] { s.create(); }); }},
	{"half_a_checkpoint", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(5);
		 s.cut(15, [&] { s.remap(1); });
	 }},
	{"three", 3, 0, [](Story &s) { s.create(); s.remap(7); s.remove(); }},
	// Dropped while it was away, and back again.
	{"stale", 2, 0, [](Story &s) {
		 s.create();
		 s.remap(1);
		 s.spare(1).set_gone(true);
		 s.remap(2);
		 s.remove();
		 s.spare(1).set_gone(false);
	 }},
	{"missing", 2, Table::degraded, [](Story &s) {
		 s.create();
		 s.remap(1);
		 s.remove();
		 s.table.missing = 1;
		 s.table.flags |= Table::force;
		 s.create();
		 s.remap(1);
		 s.remove();
	 }},
	// Each was started without the other.
	{"diverged", 2, Table::degraded | Table::force, [](Story &s) {
		 s.create();
		 s.remove();
		 for (const uint8_t missing : {1, 2}) {
			 s.table.missing = missing;
			 s.create();
			 s.remap(1);
			 s.remove();
		 }
		 s.table.missing = 0;
	 }},
	{"joining", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.cut(31, [&] { s.device().add_spare(s.spare(1), 0, spare_sectors); });
		 s.table.spares = 1;
	 }},
	// The first one of the table, which is the second disk.
	{"forgotten", 2, 0, [](Story &s) {
		 s.table.rotate = 1;
		 s.create();
		 s.remap(3);
		 s.remove();
		 s.table.flags = Table::degraded | Table::force;
		 s.table.missing = 2;
		 s.create();
		 s.device().forget_spare(0, true);
		 s.remap(1);
		 s.remove();
		 s.table = {};
	 }},
	{"removed", 2, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.device().remove_spare(s.spare(1), 0);
		 s.remap(1);
		 s.remove();
		 s.table.spares = 0;
	 }},
	{"guarded", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.guard();
		 s.remap(1);
		 s.remove();
	 }},
};

} // namespace

std::span<const Seed> seeds()
{
	return all;
}

} // namespace dm_remap::fuzz
