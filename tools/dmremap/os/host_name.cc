// SPDX-License-Identifier: GPL-2.0
#include "os/host_name.hh"

#include <array>
#include <unistd.h>

namespace dm_remap::tool {

std::string host_name()
{
	std::array<char, 256> name = {};

	return gethostname(name.data(), name.size() - 1) ? "" : name.data();
}

} // namespace dm_remap::tool
