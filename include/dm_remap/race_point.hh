// SPDX-License-Identifier: GPL-2.0
// A place between two looks at what other CPUs change. The simulator lets others run there; in a module, and everywhere
// else, it is nothing.
#ifndef DM_REMAP_RACE_POINT_HH
#define DM_REMAP_RACE_POINT_HH

namespace dm_remap {

#if defined(DMR_SIMULATOR)
inline void (*race_hook)() = nullptr;
inline void race_point()
{
	if (race_hook)
		race_hook();
}
#else
constexpr void race_point() {}
#endif

} // namespace dm_remap

#endif
