// SPDX-License-Identifier: GPL-2.0
#include "json_writer.hh"

#include <cerrno>
#include <system_error>

namespace dm_remap::tool {

namespace {

constexpr size_t flushed_at = 64 * 1024;

void append(fmt::memory_buffer &buffer, std::string_view text)
{
	buffer.append(text.data(), text.data() + text.size());
}

} // namespace

void JsonWriter::new_line()
{
	buffer_.push_back('\n');
	for (size_t i = 0; i < open_.size(); i++)
		append(buffer_, "  ");
}

// Where the next value goes: behind a comma, on its line, behind its key.
void JsonWriter::place(std::string_view key)
{
	if (!open_.empty()) {
		Level &level = open_.back();

		if (level.any)
			buffer_.push_back(',');
		if (level.style == Style::lines)
			new_line();
		else if (level.any)
			buffer_.push_back(' ');
		level.any = true;
	}
	if (!key.empty()) {
		buffer_.push_back('"');
		append(buffer_, key);
		append(buffer_, "\": ");
	}
}

void JsonWriter::open(std::string_view key, char opening, Style style)
{
	place(key);
	buffer_.push_back(opening);
	if (!open_.empty() && open_.back().style == Style::compact)
		style = Style::compact;
	open_.push_back({opening == '{' ? '}' : ']', style, false});
}

void JsonWriter::end()
{
	const Level level = open_.back();

	open_.pop_back();
	if (level.any && level.style == Style::lines)
		new_line();
	buffer_.push_back(level.closing);
	if (buffer_.size() >= flushed_at)
		flush();
}

void JsonWriter::put(std::string_view key, std::string_view text)
{
	place(key);
	append(buffer_, text);
}

void JsonWriter::word(std::string_view key, std::string_view word)
{
	place(key);
	buffer_.push_back('"');
	append(buffer_, word);
	buffer_.push_back('"');
}

void JsonWriter::flush()
{
	if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size())
		throw std::system_error(errno, std::generic_category(), "the answer cannot be written");
	buffer_.clear();
}

void JsonWriter::finish()
{
	buffer_.push_back('\n');
	flush();
	if (std::fflush(file_))
		throw std::system_error(errno, std::generic_category(), "the answer cannot be written");
}

} // namespace dm_remap::tool
