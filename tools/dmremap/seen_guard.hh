// SPDX-License-Identifier: GPL-2.0
// Guard blocks on a disk, read as they are: whose main it is, without its spares.
#ifndef DMREMAP_SEEN_GUARD_HH
#define DMREMAP_SEEN_GUARD_HH

#include <dm_remap/guard.hh>
#include <dm_remap/metadata.h>

#include <cstdint>
#include <optional>
#include <string>

namespace dm_remap::tool {

class SeenGuard final {
public:
	// The first one near either end of the device, which is where nearly all is recognised. Nothing is read in between.
	static std::optional<SeenGuard> look(dmr_device &device);

	std::string set() const;	// its UUID
	// Of the device that it speaks of; empty: it is not said.
	std::string name() const;
	// It is where it says that it is: the device begins where main does.
	bool in_place() const { return guard_.sector == sector_; }
	// Of the main of this set.
	bool is_of(const dmr_setup &setup) const;

	// "it is main of set UUID, and guarded: …", with what to use instead.
	std::string text() const;

private:
	SeenGuard(const format::GuardSector &guard, uint64_t sector) : guard_(guard), sector_(sector) {}

	format::GuardSector guard_;
	uint64_t sector_;	// where it is
};

} // namespace dm_remap::tool

#endif
