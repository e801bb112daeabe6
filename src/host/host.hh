// SPDX-License-Identifier: GPL-2.0
// All of the host's surroundings but the target stand-in (host/target.hh).
//
// A test of something that calls kernel_api.h has a World and its disks, and calls straight on:
//
//	World world(seed);
//	SimDisk spare(world, {.name = "8:16", .sectors = 32768});
//	void *buffer = dmr_io_buffer_alloc(4096);
//	dmr_device_write(&spare, 0, buffer, 8, DMR_IO_FUA);		// completes; see spare.peek(), fail(), rot(), unflushed()
//
// A power cut at every point of an operation, and every way in which the disk may come out of it:
//
//	for (uint64_t k = 1;; k++) {
//		World world; SimDisk disk(world, {}); ...
//		world.cut_after(k);
//		if (world.run_fiber("op", [&] { operation(); }) != Stop::PowerCut)
//			break;			// k is past its last write
//		... disk.unflushed(), disk.snapshot(), disk.power_cut([](const Unflushed &u) { return version or 0; }) ...
//		world.reboot();			// the operation's memory is gone
//		... load, and check what is there ...
//	}
//
// Allocation failures: world.memory().fail_nth(k) or fail_chance(); at the end of a clean removal world.check_no_leaks().
// Logged lines: world.logs, world.logged("part"). Concurrency: world.spawn() fibers, world.run().
#ifndef DMR_HOST_HOST_HH
#define DMR_HOST_HOST_HH

#include "host/disk.hh"
#include "host/instance.hh"
#include "host/random.hh"
#include "host/rcu_guard.hh"
#include "host/request.hh"
#include "host/world.hh"

#endif
