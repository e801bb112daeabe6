// SPDX-License-Identifier: GPL-2.0
// What a verb says. stdout is the answer and nothing else, as text or as one JSON document; everything beside it goes to stderr.
#ifndef DMREMAP_ANSWER_HH
#define DMREMAP_ANSWER_HH

#include "exit_status.hh"
#include "json_writer.hh"

#include <memory>
#include <string>
#include <vector>

namespace dm_remap::tool {

// What every verb understands.
struct Manners {
	bool json = false;
	bool dry_run = false;	// say what would be done, and do nothing
	bool verbose = false;
	bool yes = false;	// what a question would be answered with
};

class Answer final {
public:
	// out: for a document that goes elsewhere.
	Answer(std::string verb, const Manners &manners, std::FILE *out = stdout);

	const Manners &manners() const { return manners_; }
	bool as_json() const { return manners_.json; }
	// Open: the document's own object. Only as_json().
	JsonWriter &json();

	// A line of the answer, as text.
	template <typename... T>
	void line(fmt::format_string<T...> format, T &&...arguments)
	{
		text(fmt::format(format, std::forward<T>(arguments)...) + "\n");
	}
	void text(const std::string &text);
	// What was said goes out now, of a verb that takes its time. Text only: a document has to be whole.
	void flush();

	// To stderr; a warning is in the document, too.
	void warn(const std::string &id, const std::string &text);
	void note(const std::string &text);	// with -v
	// What was warned of so far: texts.
	std::vector<std::string> warned() const;
	// What the product logged, and whoever asks why has to see.
	void logged(const std::vector<std::string> &lines);

	// Nothing is done that loses something without being asked for: --yes was given, or the question is answered with "yes" on a
	// terminal. Else throws Failure would_lose, which names --yes. With -n nothing is asked: what would be is a warning.
	void confirm(const std::string &what_is_lost);

	// The end: completes the document.
	void done();
	void fail(const std::string &id, const std::string &text);
	// Of a verb that judges: what is told stays the same, and what it means is the verdict. Throws Judged.
	[[noreturn]] void fail_judged(const Failure &failure, Verdict verdict);

	// Is stdout for eyes?
	static bool on_terminal();

private:
	void close(const std::string *id, const std::string *text);

	struct Warning {
		std::string id, text;
	};

	std::string verb_;
	const Manners manners_;
	std::FILE *out_;
	std::unique_ptr<JsonWriter> json_;
	std::vector<Warning> warnings_;
};

// A line or more on stderr, printable, whatever comes of it.
void say(std::string_view text);
// Printable, whatever it is: names and identities come from disks.
std::string shown(std::string_view text);
// In lower case, of ASCII alone.
std::string lower(std::string text);
// "12.3 MiB"
std::string human_bytes(uint64_t bytes);
std::string when(uint64_t wall_seconds);

} // namespace dm_remap::tool

#endif
