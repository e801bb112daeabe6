// SPDX-License-Identifier: GPL-2.0
// Whose content is on a spare that is not blank: recognised by the magic numbers of what is common.
#ifndef DM_REMAP_REASSEMBLY_SIGNATURES_HH
#define DM_REMAP_REASSEMBLY_SIGNATURES_HH

#include "reassembly/range_reader.hh"

#include <optional>

namespace dm_remap::reassembly {

struct Signature {
	const char *what;	// with its article: "an ext4 filesystem"
	uint64_t offset;	// bytes from the start of the range to the magic
};

// The most telling signature found; none if nothing is known or could be read. process, may block.
std::optional<Signature> find_signature(RangeReader &reader);

} // namespace dm_remap::reassembly

#endif
