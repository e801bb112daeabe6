// SPDX-License-Identifier: GPL-2.0
#include "core/recovery/request_queue.hh"

#include <bit>

namespace dm_remap {

Error RequestQueue::init(const char *name, uint32_t workers, Serve serve, void *context)
{
	Error error = lock_.init(name);

	if (error)
		return error;
	serve_ = serve;
	context_ = context;
	idle_ = workers == max_workers ? ~0u : (1u << workers) - 1;
	workers_ = dmr_workers_create(name, workers, run, this);
	return workers_ ? Error::none() : Error(ENOMEM);
}

void RequestQueue::destroy()
{
	if (workers_)
		dmr_workers_destroy(workers_);
	workers_ = nullptr;
	lock_.destroy();
}

// A busy worker looks again before it calls itself idle, under the lock: no wake is lost. Under the lock, too, as a worker
// that runs already could serve the request, and the queue be gone with its device, before another were started.
void RequestQueue::start_idle()
{
	if (idle_ == 0)
		return;
	uint32_t worker = static_cast<uint32_t>(std::countr_zero(idle_));

	idle_ &= idle_ - 1;
	dmr_worker_start(workers_, worker);
}

void RequestQueue::push(dmr_request *req)
{
	SpinGuard guard(lock_);

	dmr_request_set_next(req, nullptr);
	if (last_)
		dmr_request_set_next(last_, req);
	else
		first_ = req;
	last_ = req;
	start_idle();
}

void RequestQueue::push_front(dmr_request *first)
{
	dmr_request *last = first;

	if (!first)
		return;
	while (dmr_request *next = dmr_request_next(last))
		last = next;
	SpinGuard guard(lock_);

	dmr_request_set_next(last, first_);
	if (!first_)
		last_ = last;
	first_ = first;
	start_idle();
}

dmr_request *RequestQueue::pop(uint32_t worker)
{
	SpinGuard guard(lock_);
	dmr_request *req = first_;

	if (!req) {
		idle_ |= 1u << worker;
		return nullptr;
	}
	first_ = dmr_request_next(req);
	if (!first_)
		last_ = nullptr;
	dmr_request_set_next(req, nullptr);
	return req;
}

dmr_request *RequestQueue::take_all()
{
	SpinGuard guard(lock_);
	dmr_request *first = first_;

	first_ = last_ = nullptr;
	return first;
}

void RequestQueue::run(void *context, unsigned int worker)
{
	RequestQueue *queue = static_cast<RequestQueue *>(context);

	while (dmr_request *req = queue->pop(worker))
		queue->serve_(queue->context_, req, worker);
}

void RequestQueue::drain()
{
	dmr_workers_drain(workers_);
}

} // namespace dm_remap
