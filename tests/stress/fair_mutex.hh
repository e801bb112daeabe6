// SPDX-License-Identifier: GPL-2.0
// A mutex that goes to whoever has waited for it longest. On a machine that is short of time std::mutex can pass one waiter by for
// minutes, which the stress would take for a hang of the device.
#ifndef DMR_STRESS_FAIR_MUTEX_HH
#define DMR_STRESS_FAIR_MUTEX_HH

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace dm_remap::stress {

class FairMutex final {
public:
	void lock()
	{
		std::unique_lock guard(mutex_);
		const uint64_t mine = next_++;

		turn_.wait(guard, [&] { return serving_ == mine; });
	}
	void unlock()
	{
		{
			const std::lock_guard guard(mutex_);
			serving_++;
		}
		turn_.notify_all();
	}
	// Who has it, and who waits.
	uint64_t in_line()
	{
		const std::lock_guard guard(mutex_);

		return next_ - serving_;
	}

private:
	std::mutex mutex_;
	std::condition_variable turn_;
	uint64_t next_ = 0, serving_ = 0;
};

} // namespace dm_remap::stress

#endif
