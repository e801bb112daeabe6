// SPDX-License-Identifier: GPL-2.0
#include "report/html.hh"

#include "answer.hh"

#include <cctype>
#include <cstdint>

namespace dm_remap::tool {

namespace {

// How many bytes a code point takes here that HTML forbids, and UTF-8 does not: U+FDD0 to U+FDEF, and the last two of each plane. 0: it is none.
size_t forbidden(std::string_view rest)
{
	const auto at = [&](size_t i) { return static_cast<unsigned char>(rest[i]); };
	const size_t bytes = at(0) >= 0xf0 ? 4 : at(0) >= 0xe0 ? 3 : 1;
	uint32_t code = bytes == 4 ? at(0) & 0x07 : at(0) & 0x0f;

	if (bytes == 1 || rest.size() < bytes)
		return 0;
	for (size_t i = 1; i < bytes; i++)
		code = code << 6 | (at(i) & 0x3f);
	return (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe ? bytes : 0;
}

std::string escaped(std::string_view text)
{
	const std::string utf8 = as_utf8(shown(text));
	std::string out;

	for (size_t i = 0; i < utf8.size(); i++) {
		const char c = utf8[i];

		if (const size_t bytes = forbidden(std::string_view(utf8).substr(i))) {
			out += "\ufffd";
			i += bytes - 1;
			continue;
		}
		switch (c) {
		case '&':
			out += "&amp;";
			break;
		case '<':
			out += "&lt;";
			break;
		case '>':
			out += "&gt;";
			break;
		case '"':
			out += "&quot;";
			break;
		default:
			out += c;
		}
	}
	return out;
}

// A quote that is an apostrophe has a letter before it.
bool opens(std::string_view words, size_t at)
{
	return !at || words[at - 1] == ' ' || words[at - 1] == '(';
}

bool closes(std::string_view words, size_t at)
{
	return at + 1 == words.size() || !std::isalnum(static_cast<unsigned char>(words[at + 1]));
}

} // namespace

void Html::start(const char *tag, Attributes attributes)
{
	out_ += '<';
	out_ += tag;
	for (const auto &[name, value] : attributes) {
		out_ += ' ';
		out_ += name;
		out_ += "=\"" + escaped(value) + '"';
	}
}

void Html::open(const char *tag, Attributes attributes)
{
	start(tag, attributes);
	out_ += '>';
	open_.push_back(tag);
}

void Html::close()
{
	out_ += "</";
	out_ += open_.back();
	out_ += ">\n";
	open_.pop_back();
}

void Html::text(std::string_view text)
{
	out_ += escaped(text);
}

void Html::element(const char *tag, std::string_view words, Attributes attributes)
{
	open(tag, attributes);
	text(words);
	close();
}

void Html::single(const char *tag, Attributes attributes)
{
	start(tag, attributes);
	out_ += ">\n";
}

void Html::shape(const char *tag, Attributes attributes)
{
	start(tag, attributes);
	out_ += "/>\n";
}

void Html::prose(std::string_view words)
{
	size_t from = 0;

	for (size_t at = words.find('\''); at != words.npos; at = words.find('\'', at + 1)) {
		if (!opens(words, at))
			continue;
		size_t last = words.find('\'', at + 1);

		while (last != words.npos && !closes(words, last))
			last = words.find('\'', last + 1);
		if (last == words.npos)
			break;
		text(words.substr(from, at - from));
		// No line break of close() where a comma may follow.
		out_ += "<code>" + escaped(words.substr(at + 1, last - at - 1)) + "</code>";
		from = last + 1;
		at = last;
	}
	text(words.substr(from));
}

void Html::style(const char *sheet)
{
	out_ += "<style>\n";
	out_ += sheet;
	out_ += "</style>\n";
}

std::string Html::end()
{
	while (!open_.empty())
		close();
	return std::move(out_);
}

} // namespace dm_remap::tool
