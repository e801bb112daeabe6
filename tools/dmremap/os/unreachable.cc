// SPDX-License-Identifier: GPL-2.0
// What only a running device does: workers, requests, drains, events. The product's C++ that the tool links names these functions,
// and no offline path calls them; one that does is a bug, and is told so.
#include <dm_remap/kernel_api.h>

#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void unreachable(const char *function)
{
	std::fprintf(stderr, "dmremap: %s() belongs to a running device; this is a bug, please report it\n", function);
	std::abort();
}

} // namespace

void dmr_event(struct dmr_instance *, enum dmr_event_kind)
{
	unreachable(__func__);
}

int dmr_drain(struct dmr_instance *, uint64_t)
{
	unreachable(__func__);
}

void *dmr_instance_persistent(struct dmr_instance *, size_t)
{
	unreachable(__func__);
}

void dmr_cond_wait(struct dmr_cond *, struct dmr_mutex *)
{
	unreachable(__func__);
}

struct dmr_workers *dmr_workers_create(const char *, unsigned int, void (*)(void *, unsigned int), void *)
{
	unreachable(__func__);
}

void dmr_worker_start(struct dmr_workers *, unsigned int)
{
	unreachable(__func__);
}

void dmr_workers_drain(struct dmr_workers *)
{
	unreachable(__func__);
}

void dmr_workers_destroy(struct dmr_workers *)
{
	unreachable(__func__);
}

void dmr_request_describe(const struct dmr_request *, struct dmr_request_info *)
{
	unreachable(__func__);
}

struct dmr_request *dmr_request_next(const struct dmr_request *)
{
	unreachable(__func__);
}

void dmr_request_set_next(struct dmr_request *, struct dmr_request *)
{
	unreachable(__func__);
}

dmr_status dmr_request_io(struct dmr_request *, uint32_t, uint32_t, struct dmr_device *, uint64_t, uint32_t)
{
	unreachable(__func__);
}

void dmr_request_end(struct dmr_request *, dmr_status)
{
	unreachable(__func__);
}
