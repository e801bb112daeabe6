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
	// Names and identities come from disks: none of them begins a new line of the kernel log, or paints the terminal.
	[[gnu::always_inline]] void wrote(int n)
	{
		for (const size_t end = used_ + static_cast<size_t>(n); used_ < end; used_++)
			if (static_cast<uint8_t>(reason_[used_]) < ' ' || reason_[used_] == 0x7f)
				reason_[used_] = '?';
	}

private:
	char *reason_;
	size_t used_ = 0;
};

// A macro, so that the compiler goes on checking format against arguments. Evaluates to Error(EINVAL).
#define DMR_REFUSE(refusal, ...) \
	((refusal).wrote(dmr_format((refusal).at(), (refusal).left(), __VA_ARGS__)), ::dm_remap::Error(EINVAL))

// More of the same sentence.
#define DMR_APPEND(refusal, ...) (refusal).wrote(dmr_format((refusal).at(), (refusal).left(), __VA_ARGS__))

// Always inlined, as two objects of one kernel module cannot both hold a copy of a function (see text.hh).

// The first 8 digits of a UUID tell sets, branches and members apart for a person.
[[gnu::always_inline]] inline unsigned int brief(const uint8_t (&uuid)[DMR_UUID_SIZE])
{
	return uint32_t(uuid[0]) << 24 | uint32_t(uuid[1]) << 16 | uint32_t(uuid[2]) << 8 | uuid[3];
}

// Identities are long, and tell disks apart by a serial number near their end.
[[gnu::always_inline]] inline const char *tail(const char *identity, size_t shown = 32)
{
	const size_t length = __builtin_strlen(identity);

	return length > shown ? identity + length - shown : identity;
}

} // namespace dm_remap::reassembly

#endif
