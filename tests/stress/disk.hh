// SPDX-License-Identifier: GPL-2.0
// A disk of the machine that fails as it is told: by QEMU's blkdebug (medium errors; on virtio I/O errors), or by a device
// of device-mapper over it, its *gate* (I/O errors).
#ifndef DMR_STRESS_DISK_HH
#define DMR_STRESS_DISK_HH

#include "dm.hh"
#include "fair_mutex.hh"
#include "faults.hh"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace dm_remap::stress {

class Disk final {
public:
	enum class Condition : uint8_t {
		good,
		dead,			// I/O errors; the gate's
		read_only,		// writes and flushes are I/O errors; the gate's
		dead_medium,		// medium errors; QEMU's, as the next two
		read_only_medium,
		no_flush,
	};

	// drive: its name for the host. node: /dev/sda. gate: UUID of the device over it, if there is one.
	Disk(std::string drive, std::string node, const std::string &gate);

	// What table lines name: MAJOR:MINOR, of the gate if there is one.
	const std::string &number() const { return number_; }
	const std::string &path() const { return path_; }
	uint64_t sectors() const { return sectors_; }

	// Sectors that refuse writes, and maybe reads: that is the gate's, if there is one. (A target that refuses writes alone
	// refuses flushes of the whole device as well.)
	struct Range {
		uint64_t start, count;
		bool reads;
	};
	// Nobody makes sectors bad from that moment until these are good.
	struct Healed {
		Range range{0, 0, false};
		Moment bad_until = 0;
	};
	// False, said on stderr: the machine does not do as it is told, and the test is over.
	// When there is much that is bad, what has been it longest is good again: that is `healed`, otherwise empty.
	[[nodiscard]] bool bad(const Range &range, Healed &healed);
	[[nodiscard]] bool heal(const Range &range, Healed &healed);
	// Each of `count` sectors, `stride` from the next, fails one read within the time.
	[[nodiscard]] bool weak(uint64_t start, uint64_t count, uint64_t stride, uint32_t hold_ms);
	[[nodiscard]] bool turn(Condition condition);
	// No fault is left.
	[[nodiscard]] bool heal_all();
	// As a new disk in its place: all good, and zeroes. False: it is in use, or dead just now.
	[[nodiscard]] bool replace();

private:
	// Caller holds the mutex.
	bool clear();
	bool gated(const Range &range) const { return gate_ && range.reads; }
	bool make(const Range &range, bool bad);
	bool apply();
	bool order(const std::string &text);

	FairMutex mutex_;
	const std::string drive_, node_;
	std::optional<Mapped> gate_;
	std::string number_, path_;
	uint64_t sectors_ = 0;
	Condition condition_ = Condition::good;
	std::vector<bool> refused_;	// by the gate, of each sector
	std::deque<Range> bad_[2];	// in the order in which they went bad: QEMU's and the gate's
};

} // namespace dm_remap::stress

#endif
