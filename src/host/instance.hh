// SPDX-License-Identifier: GPL-2.0
// The C side of one table's target as kernel_api.h sees it: a name for the log, events, the in-flight counts.
#ifndef DMR_HOST_INSTANCE_HH
#define DMR_HOST_INSTANCE_HH

#include "dm_remap/kernel_api.h"
#include "host/inflight.hh"

#include <cstdint>
#include <string>

struct dmr_instance final {
	// name: of the mapped device; what survives reloads is found by it.
	explicit dmr_instance(std::string device_name);
	~dmr_instance();
	dmr_instance(const dmr_instance &) = delete;
	dmr_instance &operator=(const dmr_instance &) = delete;

	const std::string name;
	uint64_t events[DMR_EVENT_COUNT] = {};
	dmr_inflight inflight;

	void *persistent = nullptr;
	const uint32_t boot; // in which it was made
};

namespace dm_remap::host {
using Instance = ::dmr_instance;
} // namespace dm_remap::host

#endif
