// SPDX-License-Identifier: GPL-2.0
// Guard blocks on main: what they are made of, and which of those that should be there are.
#ifndef DM_REMAP_CORE_RECOVERY_GUARD_HH
#define DM_REMAP_CORE_RECOVERY_GUARD_HH

#include "core/map/durable_map.hh"

#include <dm_remap/guard.hh>

namespace dm_remap {

// Whose they are.
struct GuardStamp final {
	uint8_t set[DMR_UUID_SIZE];
	uint8_t main[DMR_UUID_SIZE];
	char name[DMR_NAME_SIZE];	// of the mapped device, for people to read

	static GuardStamp of(const dmr_setup &setup, const char *name);
	// So many sectors of main from `sector` on.
	void fill(void *to, uint64_t sector, uint32_t sectors) const;
};

enum class GuardSight : uint8_t {
	ours,		// of this main, and of this place
	foreign,	// a guard sector too, but of another set or main, or of another place
	none,		// anything else
};

// A sector of main. Only the UUIDs of the stamp count.
GuardSight look_at_guard(const GuardStamp &stamp, const void *data, uint64_t sector);
// Is any of these sectors one, whosesoever?
bool any_guard(const void *data, uint32_t sectors);

// How much of the guard is there, as it was when it was looked at last.
class GuardState final {
public:
	struct Config {
		dmr_device *main;
		BlockSize block_size;
		DurableMap *map;
	};

	void init(const Config &config) { c_ = config; }

	enum class Outcome : uint8_t { looked, stopped, foreign };
	struct Scope {
		uint8_t *buffer;	// buffer_bytes
		uint64_t deadline_ns;	// what cannot be read by then stays unknown; 0: none, and what fails is read block by block
		const bool *stop;	// or null

		bool stopped() const { return stop && __atomic_load_n(stop, __ATOMIC_RELAXED); }
	};
	static constexpr uint32_t buffer_bytes = 64 * 1024;

	// Reads main wherever the map says that it is guarded. foreign: nothing of the guard is there but guards of another; main is
	// not the one that was guarded, or not from its beginning. *sector: where that was seen. process, may block.
	Outcome look(const GuardStamp &stamp, const Scope &scope, uint64_t *sector);

	// From now on, until it is looked at, nothing is known.
	void changes() { __atomic_store_n(&unknown_, 1, __ATOMIC_RELAXED); }

	// Blocks that are guarded and do not hold their guard, and those of which it is not known. Any context.
	uint64_t missing() const { return __atomic_load_n(&missing_, __ATOMIC_RELAXED); }
	uint64_t unknown() const { return __atomic_load_n(&unknown_, __ATOMIC_RELAXED); }

private:
	struct Count {
		uint64_t missing = 0, unknown = 0;	// blocks
		bool ours = false, foreign = false;
		uint64_t foreign_sector = 0;
	};

	void look_at_run(const GuardStamp &stamp, const Scope &scope, MainBlock at, Blocks length, Count &count) const;

	Config c_{};
	uint64_t missing_ = 0, unknown_ = 0;
};

} // namespace dm_remap

#endif
