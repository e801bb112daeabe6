// SPDX-License-Identifier: GPL-2.0
// What is behind a dmr_device on the host: simulated disks; a tool may bring its own kind.
#ifndef DMR_HOST_DEVICE_HH
#define DMR_HOST_DEVICE_HH

#include "dm_remap/kernel_api.h"

namespace dm_remap::host {

// One I/O to a device. The submitter owns it, and its data, until done() is called.
struct DeviceIo {
	enum dmr_op op = DMR_OP_READ;
	uint64_t sector = 0;
	uint32_t sectors = 0;	// 0 for a flush
	uint32_t flags = 0;	// DMR_IO_FUA
	void *data = nullptr;	// nullptr for flush, discard, write-zeroes
	dmr_status status = DMR_STS_OK;
	// Called once, as an interrupt would: must not block.
	void (*done)(DeviceIo *io) = nullptr;
	void *context = nullptr;
	// For whom: the user's I/O that this is a part of, and where in main the part lies. nullptr: the engine itself.
	const void *user = nullptr;
	uint64_t user_sector = 0;

	// The device's own.
	DeviceIo *prev = nullptr, *next = nullptr;
	uint64_t number = 0;
	uint64_t submitted = 0;
};

inline bool changes_disk(enum dmr_op op)
{
	return op != DMR_OP_READ;
}

} // namespace dm_remap::host

// The opaque handle of kernel_api.h.
struct dmr_device {
	virtual void describe(dmr_device_info *out) = 0;
	virtual bool flushes_for_fua() const { return false; }
	// Sectors that its disk has read, written and discarded.
	virtual uint64_t activity() const { return 0; }
	// io has been decided on and will be started: among others it has its place from now on.
	virtual void announce(dm_remap::host::DeviceIo *) {}
	// Begin io; io->done() follows, never before start() has returned.
	virtual void start(dm_remap::host::DeviceIo *io) = 0;

protected:
	~dmr_device() = default;
};

#endif
