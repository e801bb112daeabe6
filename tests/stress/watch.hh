// SPDX-License-Identifier: GPL-2.0
// What all actors share: how long each may take, how far each has come, and what was found.
#ifndef DMR_STRESS_WATCH_HH
#define DMR_STRESS_WATCH_HH

#include "faults.hh"
#include "plan.hh"

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dm_remap::stress {

class Watch final {
public:
	// Nobody waits longer for one call. A machine that shares its processors with others is slow.
	static constexpr uint32_t limit_s = 150;

	Watch();
	~Watch();

	// Names the calling thread; before its first Busy.
	void enter(const std::string &who);
	// Whether to go on.
	bool going() const { return !stopped_; }
	void stop() { stopped_ = true; }
	// Sleeps, less long if there is no going on.
	void pause(uint32_t ms) const;

	// An actor is about to do this: told if it fails.
	void note(const std::string &what);

	enum Result : uint8_t { done, refused, failed };	// failed: and a fault explains it
	void count(Side side, Kind kind, Result result) { counts_[size_t(side)][size_t(kind)][result]++; }

	// Something is wrong: said at once with what was done last, and all ends.
	void found(const std::string &what);
	bool all_well() const { return !found_; }
	// Was all that is planned done at least once?
	bool complete() const;
	// Prints how often everything was done; answers complete().
	bool table() const;

private:
	friend class Busy;
	struct Actor {
		std::string who;
		std::mutex mutex;
		std::string doing;
		Moment since = 0, until = ever;
	};

	void guard();
	bool missing(Side side, Kind kind) const;

	mutable std::mutex mutex_;
	std::vector<std::unique_ptr<Actor>> actors_;
	std::deque<std::string> notes_;
	std::array<std::array<std::array<std::atomic<uint64_t>, 3>, size_t(Kind::count_)>, sides> counts_ = {};
	std::atomic<bool> stopped_ = false, found_ = false, over_ = false;
	const Moment begun_ = now();
	std::thread guard_;
};

// While it lives, the calling thread is at something that must come to an end.
class Busy final {
public:
	explicit Busy(const std::string &what, uint32_t limit_s = Watch::limit_s);
	~Busy();
	Busy(const Busy &) = delete;
	Busy &operator=(const Busy &) = delete;
};

} // namespace dm_remap::stress

#endif
