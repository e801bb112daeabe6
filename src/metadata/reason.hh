// SPDX-License-Identifier: GPL-2.0
// Refusing with a sentence for the administrator.
#ifndef DMR_METADATA_REASON_HH
#define DMR_METADATA_REASON_HH

#include <dm_remap/metadata.h>
#include <dm_remap/result.hh>

namespace dm_remap::metadata {

// Borrows the caller's buffer of DMR_REASON_SIZE characters; it may be null, then the sentence is lost.
class Reason final {
public:
	explicit Reason(char *buffer) : buffer_(buffer)
	{
		if (buffer_)
			buffer_[0] = '\0';
	}

	char *buffer() const { return buffer_; }

private:
	char *buffer_;
};

// Say why, and be the error: `return DMR_REFUSE_WITH(reason, ENOSPC, "...", ...);`. A macro, so that the compiler
// checks the format.
#define DMR_REFUSE_WITH(reason, positive_errno, ...)                                                      \
	((reason).buffer() ? static_cast<void>(dmr_format((reason).buffer(), DMR_REASON_SIZE, __VA_ARGS__)) \
			   : static_cast<void>(0),                                                      \
	 ::dm_remap::Error(positive_errno))

// Printf's %llu wants exactly this type.
constexpr unsigned long long print(uint64_t n)
{
	return n;
}

} // namespace dm_remap::metadata

#endif
