// SPDX-License-Identifier: GPL-2.0
#include "report/html.hh"

#include "answer.hh"

#include <cctype>

namespace dm_remap::tool {

namespace {

std::string escaped(std::string_view text)
{
	std::string out;

	for (const char c : as_utf8(shown(text))) {
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
