// SPDX-License-Identifier: GPL-2.0
// The lines of an fstab, as libmount reads them.
#ifndef DMREMAP_MACHINE_FSTAB_HH
#define DMREMAP_MACHINE_FSTAB_HH

#include "machine/tree.hh"

#include <string>
#include <vector>

namespace dm_remap::tool {

struct FstabLine {
	std::string source, target, type, options;
	int freq = 0, pass = 0;

	bool has_option(const char *name) const;
	bool early() const { return target == "/" || target == "/usr"; } // mounted in the initramfs
	// As it stands in the file.
	std::string text() const;
};

std::vector<FstabLine> fstab_of(const Tree &tree);

} // namespace dm_remap::tool

#endif
