// SPDX-License-Identifier: GPL-2.0
// Is there nothing on a range?
#ifndef DMR_METADATA_BLANK_HH
#define DMR_METADATA_BLANK_HH

#include "metadata/layout.hh"

#include <optional>

namespace dm_remap::metadata {

// Looks at the area of the default layout, and at the first and the last MiB. With a mark of an interrupted formatting
// it lets pass what that formatting may have left, whole or torn, and nothing else.
class BlankCheck final {
public:
	struct Mark {
		Sectors place;		// on the device: unit 0
		uint32_t unit_bytes = 0;
		uint32_t copy_units = 0;
	};
	struct Answer {
		bool blank = false;
		Sectors first_nonzero;	// of the range, if not blank
	};

	// Borrows buffer, of buffer_bytes: as many as preresume can have at once when memory is in pieces.
	static constexpr uint32_t buffer_bytes = 32 * 1024;
	BlankCheck(const dmr_member_range &range, const dmr_device_info &info, uint8_t *buffer)
		: range_(range), info_(info), buffer_(buffer) {}

	// EIO if something cannot be read; failed_at() then tells about where.
	Result<Answer> run(const std::optional<Mark> &mark);
	Sectors failed_at() const { return failed_at_; }

private:
	Result<Answer> check(uint64_t from, uint64_t to, const std::optional<Mark> &mark);
	static bool left_by_formatting(const uint8_t *sector, Sectors at, const Mark &mark);
	uint64_t area_sectors() const;

	const dmr_member_range &range_;
	const dmr_device_info &info_;
	uint8_t *buffer_;
	Sectors failed_at_;
};

} // namespace dm_remap::metadata

#endif
