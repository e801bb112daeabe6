// SPDX-License-Identifier: GPL-2.0
#include "crash_points.hh"

namespace dm_remap::sim {

namespace {

// One remap in a commit of its own; each bad block takes one.
void remap_one(History &h, uint64_t block, int version)
{
	if (!h.main.faulty(block))
		h.make_bad(block, 1);
	h.write(block, 1, version);
}

// Commits until the next one writes a checkpoint, for the n-th time. Rewriting a remapped block takes no commit, so new
// pending marks and remaps alternate over the first blocks.
void fill_log(History &h, uint64_t laps)
{
	uint64_t needed;

	{
		History trial(h.world.seed());

		trial.create();
		for (uint64_t b = 0; trial.checkpoints() < laps && b < 180; b++)
			remap_one(trial, b, 1 + int(b % 200));
		needed = trial.commits();
		trial.remove();
	}
	h.create();
	for (uint64_t b = 0; b + 1 < needed; b++)
		remap_one(h, b, 1 + int(b % 200));
}

} // namespace

const std::vector<Scenario> &scenarios()
{
	static const std::vector<Scenario> all = {
		{ "format", "a blank spare is formatted", [](History &) {}, [](History &h) { h.create(); } },
		{ "write_recovery", "a write with two bad blocks in its middle, then a flush",
		  [](History &h) {
			  h.create();
			  h.write(40, 6, 1);
			  h.flush();
			  h.make_bad(42, 2);
		  },
		  [](History &h) {
			  h.write(40, 6, 2);
			  h.flush();
		  } },
		{ "pending", "a read fails, and its blocks become pending",
		  [](History &h) {
			  h.create();
			  h.write(40, 4, 1);
			  h.flush();
			  h.make_bad(41, 2);
		  },
		  [](History &h) { h.read_bad(40, 4); } },
		{ "pending_written", "one block of a pending run is written",
		  [](History &h) {
			  h.create();
			  h.write(40, 4, 1);
			  h.flush();
			  h.make_bad(40, 4);
			  h.read_bad(40, 4);
		  },
		  [](History &h) { h.write(41, 1, 2); } },
		{ "rewrite", "remapped and healthy blocks are written, flushed, and written with FUA",
		  [](History &h) {
			  h.create();
			  h.make_bad(42, 1);
			  h.write(41, 3, 1);
			  h.flush();
		  },
		  [](History &h) {
			  h.write(41, 3, 2);
			  h.flush();
			  h.write(41, 3, 3, DMR_IO_FUA);
		  } },
		{ "bad_spare", "the spare block chosen first refuses its write",
		  [](History &h) {
			  h.create();
			  h.make_bad(42, 1);
			  for (uint64_t s = 1024; s < 4096; s += 2)
				  h.spare.fail(s, 1, host::Fault::unwritable());
		  },
		  [](History &h) { h.write(42, 1, 1); } },
		{ "checkpoint", "a commit fills the log half, and a checkpoint is written", [](History &h) { fill_log(h, 1); },
		  [](History &h) {
			  remap_one(h, 184, 7);
			  remap_one(h, 186, 8);
			  h.expect_checkpoints(1);
		  } },
		{ "second_checkpoint", "the second checkpoint: the first log half is used again",
		  [](History &h) { fill_log(h, 2); },
		  [](History &h) {
			  remap_one(h, 184, 7);
			  remap_one(h, 186, 8);
			  h.expect_checkpoints(2);
		  } },
		{ "grown", "a longer table over a main that has grown, and a remap in what was added",
		  [](History &h) {
			  h.main.resize(128);
			  h.create();
			  remap_one(h, 42, 1);
			  h.remove();
			  h.main.resize(History::main_sectors);
		  },
		  [](History &h) {
			  h.create();
			  remap_one(h, 180, 2);
		  } },
		{ "forget", "a spare that is missing is forgotten, and one of its lost blocks is written",
		  [](History &h) {
			  h.create_two();
			  h.write(40, 6, 1);
			  h.flush();
			  h.make_bad(42, 3);
			  h.write(40, 6, 2);
			  h.flush();
			  h.go_on_with_second();
		  },
		  [](History &h) {
			  h.forget_first();
			  h.write(43, 1, 3);
		  } },
		{ "remove_by_force", "a spare of which some blocks cannot be read is taken out, and one of its lost blocks is written",
		  [](History &h) {
			  h.create_two();
			  h.make_bad(42, 4);
			  h.write(40, 8, 1);
			  h.flush();
			  h.lose_some_of_first();
		  },
		  [](History &h) {
			  h.remove_first_by_force();
			  h.write(43, 1, 3);
		  } },
		{ "new_main", "main is another disk with a copy of what could be read, and one of the blocks that could not is written",
		  [](History &h) {
			  h.create();
			  h.write(40, 6, 1);
			  h.flush();
			  h.make_bad(42, 3);
			  h.read_bad(42, 3);
			  h.make_bad(50, 1);
			  h.write(50, 1, 2);
			  h.copy_main();
		  },
		  [](History &h) {
			  h.create();
			  h.write(43, 1, 3);
		  } },
		{ "guard", "blocks are guarded, one of which is remapped already, and one of them is written",
		  [](History &h) {
			  h.create();
			  h.write(40, 6, 1);
			  h.flush();
			  h.make_bad(43, 1);
			  h.write(43, 1, 2);
			  h.main.heal_all();
			  h.write(41, 1, 3);
		  },
		  [](History &h) {
			  h.guard("40", "5");
			  h.write(42, 1, 4);
			  h.flush();
		  } },
		{ "unguard", "guarded blocks, one of them written since, are given back, and another one is written",
		  [](History &h) {
			  h.create();
			  h.write(40, 6, 1);
			  h.flush();
			  h.world.run_fiber("guard", [&h] { h.guard("40", "5"); });
			  h.write(41, 2, 2);
		  },
		  [](History &h) {
			  h.unguard();
			  h.write(43, 1, 3);
			  h.flush();
		  } },
		{ "reload", "the table is reloaded between two remaps",
		  [](History &h) {
			  h.create();
			  remap_one(h, 42, 1);
		  },
		  [](History &h) {
			  remap_one(h, 43, 2);
			  h.reload();
			  remap_one(h, 44, 3);
		  } },
	};

	return all;
}

} // namespace dm_remap::sim
