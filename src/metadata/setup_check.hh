// SPDX-License-Identifier: GPL-2.0
// Does a setup fit what it is used for?
#ifndef DMR_METADATA_SETUP_CHECK_HH
#define DMR_METADATA_SETUP_CHECK_HH

#include "metadata/codec.hh"

namespace dm_remap::metadata {

// A laid-out setup against the ranges given for its members. EINVAL with a reason.
Error check_setup(const dmr_metadata_params &params, const dmr_setup &setup, Reason reason);

// Both say the same of everything that formatting fixes.
bool same_formatting(const dmr_setup &a, const dmr_setup &b);

} // namespace dm_remap::metadata

#endif
