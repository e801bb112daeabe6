// SPDX-License-Identifier: GPL-2.0
#include "stats/text.hh"

namespace dm_remap::stats {

namespace {

constexpr uint64_t ns_per_second = 1000000000;

// How many bytes the UTF-8 character at s has; 0 if it is none (overlong, a surrogate, beyond U+10FFFF, cut off).
size_t utf8_length(const char *s)
{
	const auto byte = [s](size_t i) { return static_cast<uint8_t>(s[i]); };
	const uint8_t lead = byte(0);
	const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if (length > 1 && (lead < 0xc2 || lead > 0xf4))
		return 0;
	// The NUL that ends s is no continuation byte, so nothing past it is read.
	for (size_t i = 1; i < length; i++)
		if ((byte(i) & 0xc0) != 0x80)
			return 0;
	if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf0 && byte(1) < 0x90) ||
	    (lead == 0xf4 && byte(1) > 0x8f))
		return 0;
	return length;
}

} // namespace

void Text::put(char c)
{
	if (overflowed_ || length_ == limit_) {
		overflowed_ = true;
		return;
	}
	buf_[length_++] = c;
	buf_[length_] = '\0';
}

void Text::put(const char *s)
{
	while (*s)
		put(*s++);
}

void Text::put(uint64_t n)
{
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = static_cast<char>('0' + n % 10);
		n /= 10;
	} while (n);
	while (count)
		put(digits[--count]);
}

void Text::put_seconds(uint64_t ns)
{
	put(ns / ns_per_second);
	put('.');
	for (uint64_t unit = ns_per_second / 10; unit; unit /= 10)
		put(static_cast<char>('0' + ns / unit % 10));
}

void Text::put_label(const char *s)
{
	static constexpr char hex[] = "0123456789abcdef";

	while (*s) {
		const size_t length = utf8_length(s);

		if (!length) {
			const uint8_t byte = static_cast<uint8_t>(*s++);

			put("\\\\x");
			put(hex[byte >> 4]);
			put(hex[byte & 15]);
			continue;
		}
		if (*s == '\\' || *s == '"' || *s == '\n') {
			put('\\');
			put(*s == '\n' ? 'n' : *s);
			s++;
			continue;
		}
		for (size_t i = 0; i < length; i++)
			put(*s++);
	}
}

void Text::rewind(size_t length)
{
	length_ = length;
	buf_[length_] = '\0';
	overflowed_ = false;
}

} // namespace dm_remap::stats
