// SPDX-License-Identifier: GPL-2.0
// Requests that wait for a worker, and the workers that serve them.
#ifndef DM_REMAP_CORE_REQUEST_QUEUE_HH
#define DM_REMAP_CORE_REQUEST_QUEUE_HH

#include <dm_remap/locks.hh>

#include <dm_remap/kernel_api.h>
#include <dm_remap/result.hh>

namespace dm_remap {

class RequestQueue final {
public:
	// Serves one request, by one of the queue's workers; process context, may block.
	using Serve = void (*)(void *context, dmr_request *req, uint32_t worker);

	static constexpr uint32_t max_workers = 32;

	Error init(const char *name, uint32_t workers, Serve serve, void *context);
	void destroy(); // every request has been served

	void push(dmr_request *req); // any
	// Requests linked by dmr_request_next(), to be served before those that wait. any.
	void push_front(dmr_request *first);
	// All that wait, linked by dmr_request_next(), or null: they are the caller's. any.
	dmr_request *take_all();
	// Until nothing is queued and no worker runs. process, may block.
	void drain();

private:
	static void run(void *context, unsigned int worker);
	// The next request, or null, and then the worker counts as idle.
	dmr_request *pop(uint32_t worker);
	// If there is an idle worker. Caller holds the lock.
	void start_idle();

	Spinlock lock_;
	dmr_workers *workers_ = nullptr;
	Serve serve_ = nullptr;
	void *context_ = nullptr;
	uint32_t idle_ = 0;	// a bit for each worker that has seen the queue empty since it was last started
	dmr_request *first_ = nullptr;
	dmr_request *last_ = nullptr;
};

} // namespace dm_remap

#endif
