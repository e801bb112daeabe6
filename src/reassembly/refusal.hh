// SPDX-License-Identifier: GPL-2.0
// The sentence that the administrator gets, and the errno that goes with it.
#ifndef DM_REMAP_REASSEMBLY_REFUSAL_HH
#define DM_REMAP_REASSEMBLY_REFUSAL_HH

#include <dm_remap/metadata.h>
#include <dm_remap/result.hh>

namespace dm_remap::reassembly {

// A sentence under construction in the caller's DMR_REASON_SIZE bytes; too much is cut off, never overrun.
class Refusal final {
public:
	explicit Refusal(char *reason) : reason_(reason) { reason_[0] = '\0'; }

	char *at() const { return reason_ + used_; }
	size_t left() const { return DMR_REASON_SIZE - used_; }
	void wrote(int n) { used_ += static_cast<size_t>(n); }

private:
	char *reason_;
	size_t used_ = 0;
};

// A macro, so that the compiler goes on checking format against arguments. Evaluates to Error(EINVAL).
#define DMR_REFUSE(refusal, ...) \
	((refusal).wrote(dmr_format((refusal).at(), (refusal).left(), __VA_ARGS__)), ::dm_remap::Error(EINVAL))

// Identities are long, and tell disks apart by a serial number near their end.
inline const char *tail(const char *identity)
{
	constexpr size_t shown = 32;
	const size_t length = __builtin_strlen(identity);

	return length > shown ? identity + length - shown : identity;
}

} // namespace dm_remap::reassembly

#endif
