// SPDX-License-Identifier: GPL-2.0
// HTML, and the SVG in it, as it is written, piece by piece. All text is escaped, so that no name from a disk becomes a tag; and what is open is closed in
// its order. A library's document tree would be one more thing in each initramfs that the tool is in.
#ifndef DMREMAP_REPORT_HTML_HH
#define DMREMAP_REPORT_HTML_HH

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dm_remap::tool {

class Html final {
public:
	using Attributes = std::initializer_list<std::pair<const char *, std::string>>;

	// A whole document begins and ends with these.
	void begin() { out_ = "<!DOCTYPE html>\n"; }
	std::string end();

	// Tags and names of attributes are ours.
	void open(const char *tag, Attributes attributes = {});
	void close();
	void text(std::string_view text);
	void element(const char *tag, std::string_view text, Attributes attributes = {});
	// One that never has an end: meta, link.
	void single(const char *tag, Attributes attributes);
	// Of SVG, without content.
	void shape(const char *tag, Attributes attributes);
	// Words, in which 'a command' between quotes is marked as one.
	void prose(std::string_view words);
	// A style sheet of ours.
	void style(const char *sheet);

private:
	void start(const char *tag, Attributes attributes);

	std::string out_;
	std::vector<const char *> open_;
};

} // namespace dm_remap::tool

#endif
