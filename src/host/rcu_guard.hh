// SPDX-License-Identifier: GPL-2.0
#ifndef DMR_HOST_RCU_GUARD_HH
#define DMR_HOST_RCU_GUARD_HH

#include "host/world.hh"

namespace dm_remap::host {

// A reader's section. Nothing without a World.
class RcuGuard final {
public:
	RcuGuard();
	~RcuGuard();
	RcuGuard(const RcuGuard &) = delete;
	RcuGuard &operator=(const RcuGuard &) = delete;

	// Other fibers may run here, as they may anywhere in a real reader's section.
	void maybe_switch();

private:
	World *world_;
};

} // namespace dm_remap::host

#endif
