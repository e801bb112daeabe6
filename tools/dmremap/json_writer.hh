// SPDX-License-Identifier: GPL-2.0
// JSON as it is written, piece by piece: a document with a million extents takes no more memory than a small one, and there is one
// way to write either. A tree of nlohmann::json would take a hundred times the size of the map; its escaping is used all the same.
#ifndef DMREMAP_JSON_WRITER_HH
#define DMREMAP_JSON_WRITER_HH

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <vector>

namespace dm_remap::tool {

// In quotes, with everything escaped that has to be; bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);
// The same text; bytes that are no UTF-8 become U+FFFD.
std::string as_utf8(std::string_view text);

class JsonWriter final {
public:
	// Throws std::system_error when the file cannot be written.
	explicit JsonWriter(std::FILE *file) : file_(file) {}
	JsonWriter(const JsonWriter &) = delete;
	JsonWriter &operator=(const JsonWriter &) = delete;

	// In an object each value has a key; in an array none has. A compact one stays on its line.
	enum class Style : bool { lines, compact };
	void begin_object(std::string_view key = {}, Style style = Style::lines) { open(key, '{', style); }
	void begin_array(std::string_view key = {}, Style style = Style::lines) { open(key, '[', style); }
	void end();

	void null(std::string_view key) { put(key, "null"); }
	// One of our own words: nothing in it needs to be escaped.
	void word(std::string_view key, std::string_view word);
	template <typename T>
	void value(std::string_view key, const T &v)
	{
		if constexpr (std::same_as<T, bool>)
			put(key, v ? "true" : "false");
		else if constexpr (std::integral<T>) {
			const fmt::format_int text(v);

			put(key, {text.data(), text.size()});
		}
		else
			put(key, json_text(v));
	}
	template <typename T>
	void value(std::string_view key, const std::optional<T> &v)
	{
		v ? value(key, *v) : null(key);
	}

	size_t depth() const { return open_.size(); }
	// All that is open is closed but for `depth` levels.
	void unwind(size_t depth)
	{
		while (open_.size() > depth)
			end();
	}
	// The last newline, and everything to the file.
	void finish();

private:
	struct Level {
		char closing;
		Style style;
		bool any;
	};

	void place(std::string_view key);
	void open(std::string_view key, char opening, Style style);
	void put(std::string_view key, std::string_view text);
	void flush();
	void new_line();

	std::FILE *file_;
	std::vector<Level> open_;
	fmt::memory_buffer buffer_;
};

} // namespace dm_remap::tool

#endif
