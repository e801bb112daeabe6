// SPDX-License-Identifier: GPL-2.0
// Numbers out of text, strictly, and text into buffers, never past their end.
#ifndef DM_REMAP_TEXT_HH
#define DM_REMAP_TEXT_HH

#include <dm_remap/kernel_api.h>
#include <dm_remap/result.hh>

#include <cstddef>
#include <cstdint>

namespace dm_remap {

// Appends to a buffer that is NUL-terminated at all times; what does not fit is cut off, and full() tells so.
class TextWriter final {
public:
	// Borrows the buffer. With size 0 nothing is ever written.
	TextWriter(char *buffer, size_t size) : buffer_(buffer), size_(size)
	{
		if (size_ > 0)
			buffer_[0] = '\0';
	}
	TextWriter(const TextWriter &) = delete;
	TextWriter &operator=(const TextWriter &) = delete;

	// In src/core/text.cc, not inline: no compiler inlines it, and two objects of one kernel module cannot both
	// hold a copy (the linker drops one, which the kernel's tables of functions and returns go on naming).
	DMR_PRINTF(2, 3) void print(const char *format, ...);

	void put(char c)
	{
		if (full())
			return;
		buffer_[length_++] = c;
		buffer_[length_] = '\0';
	}

	// Text from outside, in quotes, fit for a log line: what is not printable ASCII becomes '?', and of a long
	// text the first `most` characters are shown, the last three of them as "...".
	void quoted(const char *text, size_t most = 40)
	{
		size_t length = shown_length(text, most + 1);
		bool cut = length > most;
		size_t whole = !cut ? length : most > 3 ? most - 3 : 0;

		put('\'');
		for (size_t i = 0; i < whole; i++)
			put(text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?');
		for (size_t i = whole; cut && i < most; i++)
			put('.');
		put('\'');
	}

	// Characters that still fit.
	size_t room() const { return size_ > length_ ? size_ - length_ - 1 : 0; }
	// Characters written, without the NUL.
	size_t length() const { return length_; }
	// No character more fits. As in dm itself, a text that fills its buffer counts as one that was cut off.
	bool full() const { return length_ + 1 >= size_; }

private:
	static size_t shown_length(const char *text, size_t limit)
	{
		size_t n = 0;

		while (n < limit && text[n] != '\0')
			n++;
		return n;
	}

	char *buffer_;
	size_t size_;
	size_t length_ = 0;
};

// Decimal digits and nothing else: no sign, no space, no prefix, at least one digit. EINVAL for what is not a number
// of this form, ERANGE for one that is but exceeds `most`. text: NUL-terminated. Leading zeroes are allowed.
constexpr Result<uint64_t> parse_u64(const char *text, uint64_t most = UINT64_MAX)
{
	uint64_t value = 0;
	bool exceeds = false;

	if (*text == '\0')
		return Error(EINVAL);
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return Error(EINVAL);
		uint64_t digit = static_cast<uint64_t>(*text - '0');
		if (value > most / 10 || digit > most - value * 10)
			exceeds = true;
		else
			value = value * 10 + digit;
	}
	if (exceeds)
		return Error(ERANGE);
	return value;
}

constexpr Result<uint32_t> parse_u32(const char *text, uint32_t most = UINT32_MAX)
{
	Result<uint64_t> value = parse_u64(text, most);

	if (!value.ok())
		return value.error();
	return static_cast<uint32_t>(*value);
}

// The same word, to the last character.
constexpr bool same_text(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

} // namespace dm_remap

#endif
