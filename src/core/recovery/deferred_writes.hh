// SPDX-License-Identifier: GPL-2.0
// Writes whose data is on spares already, and which wait for the commit of their records without keeping a worker: so more of
// them share one commit than there are workers. What they need until then is here; their memory is bounded, and whoever
// finds no place waits on his worker.
//
// A request here holds its range, and is not ended as done before its records are durable. What follows if they do not become so
// is as on a worker: another spare, if the flush of this one has failed and there is one; else main's own answer stands.
#ifndef DM_REMAP_CORE_RECOVERY_DEFERRED_WRITES_HH
#define DM_REMAP_CORE_RECOVERY_DEFERRED_WRITES_HH

#include "core/recovery/device_io.hh"

#include <dm_remap/locks.hh>

namespace dm_remap {

class DeferredWrites final {
public:
	static constexpr uint32_t most = 64;

	// Whose the requests are: each comes to its end, or is to be served once more, which begins with return_to(). It still holds its
	// range.
	struct Owner {
		void (*end)(void *context, dmr_request *req, uint32_t range, dmr_status status);
		void (*serve_again)(void *context, dmr_request *req);
		void *context;
	};

	// Allocates. ENOMEM. process.
	Error init(const RecoveryParts &parts, const DeviceIo &io, const Owner &owner);
	void destroy(); // none is left

	// The job's data is on spares, and its commit announced to the map. True: it goes on here, perhaps to its end, and neither the
	// request nor the job's space is the worker's any more. process, may block.
	bool take(Job &job);
	// If this request was here and is to be served once more: the job of it, and true. process.
	bool return_to(Job &job);

private:
	static constexpr uint32_t most_records = 4;

	struct Write {
		DeferredWrites *all = nullptr;
		CommitTicket ticket{};
		std::array<dmr_record, most_records> records{};
		dmr_request *req = nullptr;
		uint64_t sector = 0;	// where the request begins
		uint32_t range = 0;
		dmr_status failure = DMR_STS_MEDIUM;
		uint64_t deadline = 0;
		MainBlock piece;
		Write *next = nullptr;	// free, or to be served again
	};

	Write *place();
	void give_back(Write *write);
	bool goes_on(const CommitTicket &ticket) const;
	static void committed(void *context);

	RecoveryParts p_{};
	const DeviceIo *io_ = nullptr;
	Owner owner_{};
	Spinlock lock_;
	Write *writes_ = nullptr;
	Write *free_ = nullptr;
	Write *returning_ = nullptr;
};

} // namespace dm_remap

#endif
