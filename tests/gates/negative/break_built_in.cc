// SPDX-License-Identifier: GPL-2.0
// expect: break-hook
// flags: -DDMR_BREAK=ignore_crc
// A module that was built with a deliberate mistake, which `make DMR_BREAK=...` does for the tests.
#include <dm_remap/breaks.hh>

extern "C" int mistaken(int good)
{
	return dm_remap::broken(dm_remap::Break::ignore_crc) ? 0 : good;
}
