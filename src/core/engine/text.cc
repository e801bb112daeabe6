// SPDX-License-Identifier: GPL-2.0
#include <dm_remap/text.hh>

namespace dm_remap {

void TextWriter::print(const char *format, ...)
{
	__builtin_va_list args;

	if (full())
		return;
	__builtin_va_start(args, format);
	length_ += static_cast<size_t>(dmr_vformat(buffer_ + length_, size_ - length_, format, args));
	__builtin_va_end(args);
}

} // namespace dm_remap
