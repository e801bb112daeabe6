// SPDX-License-Identifier: GPL-2.0
// A request as the slow path sees it. In the kernel: one clone that dm made of a user's bio.
#ifndef DMR_HOST_REQUEST_HH
#define DMR_HOST_REQUEST_HH

#include "dm_remap/kernel_api.h"

#include <cstdint>

struct dmr_request final {
	dmr_request_info info = {};
	uint8_t *data = nullptr;	// info.sectors of them; nullptr for flush, discard, write-zeroes
	// Called once, by dmr_request_end(), in a worker's context. The request may be gone when it returns.
	void (*ended)(dmr_request *req, dmr_status status) = nullptr;
	void *context = nullptr;
	const void *user = nullptr;	// whose I/O, for observers
	dmr_request *next = nullptr;
	bool alive = true;
};

namespace dm_remap::host {
using Request = ::dmr_request;
} // namespace dm_remap::host

#endif
