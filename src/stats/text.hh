// SPDX-License-Identifier: GPL-2.0
// Text written into a buffer that may be too small: what does not fit is taken back as a whole.
#ifndef DM_REMAP_STATS_TEXT_HH
#define DM_REMAP_STATS_TEXT_HH

#include <cstddef>
#include <cstdint>

namespace dm_remap::stats {

// Always NUL-terminated within size (at least 1). After the first overflow nothing is added until rewind().
class Text final {
public:
	Text(char *buf, size_t size) : buf_(buf), limit_(size - 1) { buf_[0] = '\0'; }
	Text(const Text &) = delete;
	Text &operator=(const Text &) = delete;

	size_t length() const { return length_; }
	bool overflowed() const { return overflowed_; }

	void put(char c);
	void put(const char *s);
	void put(uint64_t n);
	// Nanoseconds as seconds with nine decimals.
	void put_seconds(uint64_t ns);
	// A label's value as the Prometheus text format wants it: \, " and newline escaped, and bytes that are no
	// UTF-8,
	// which it does not allow, as \\x and two digits.
	void put_label(const char *s);

	// Back to a length() of before.
	void rewind(size_t length);

private:
	char *buf_;
	size_t limit_;		// characters, without the NUL
	size_t length_ = 0;
	bool overflowed_ = false;
};

} // namespace dm_remap::stats

#endif
