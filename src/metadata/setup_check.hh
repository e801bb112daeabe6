// SPDX-License-Identifier: GPL-2.0
// Does a setup fit what it is used for?
#ifndef DMR_METADATA_SETUP_CHECK_HH
#define DMR_METADATA_SETUP_CHECK_HH

#include "metadata/codec.hh"

namespace dm_remap::metadata {

// A laid-out setup against the ranges given for its members. EINVAL with a reason.
Error check_setup(const dmr_metadata_params &params, const dmr_setup &setup, Reason reason);

// Both are of one set, and say the same of all that formatting fixes. Free slots equal joining ones, which are not part
// of the set yet; all others have the same members.
bool same_members(const dmr_setup &a, const dmr_setup &b);

// The same, members' states, branch and all: they may differ in what update_setup() changes.
bool same_but_for_options(const dmr_setup &a, const dmr_setup &b);

} // namespace dm_remap::metadata

#endif
