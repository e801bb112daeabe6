// SPDX-License-Identifier: GPL-2.0
// What is on a range: one of our members, nothing, or something else.
#ifndef DMR_METADATA_PROBE_HH
#define DMR_METADATA_PROBE_HH

#include "metadata/blank.hh"
#include "metadata/codec.hh"

namespace dm_remap::metadata {

// As dmr_metadata_ops::probe. Too large for a stack: lives in memory of its own for one probe.
class Prober final {
public:
	Prober(const dmr_member_range &range, dmr_probe &out, uint8_t *buffer)
		: range_(range), out_(out), buffer_(buffer) {}

	Error run(Reason reason);

private:
	enum class Found : uint8_t {
		nothing,	// of ours
		superblock,	// a copy that verifies, in candidate_
		mark,		// of a formatting under way, in mark_
		unsupported,
		remains,	// our magic, and nothing that verifies
		unreadable,
	};

	Found examine(Sectors place);
	Found examine_superblock(Sectors place, const format::Unit &unit);
	Found examine_mark(Sectors place, const format::Unit &unit);
	void take_in(Sectors place);
	void look_for_copy_a();
	void look_for_copy_b();
	void accept();
	bool same_member() const;
	Error judge_blank(Reason reason);

	const dmr_member_range &range_;
	dmr_probe &out_;
	uint8_t *buffer_;		// BlankCheck::buffer_bytes
	dmr_device_info info_ = {};
	bool found_ = false, ambiguous_ = false, remains_ = false, unsupported_ = false;
	std::optional<BlankCheck::Mark> mark_;
	uint8_t mark_set_[DMR_UUID_SIZE] = {};
	dmr_setup candidate_ = {};
	format::Superblock scratch_ = {};
};

} // namespace dm_remap::metadata

#endif
