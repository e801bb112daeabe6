// SPDX-License-Identifier: GPL-2.0
#include "answer.hh"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <unistd.h>

namespace dm_remap::tool {

Answer::Answer(std::string verb, const Manners &manners, std::FILE *out)
	: verb_(std::move(verb)), manners_(manners), out_(out)
{
}

JsonWriter &Answer::json()
{
	if (json_)
		return *json_;
	json_ = std::make_unique<JsonWriter>(out_);
	json_->begin_object();
	json_->begin_object("output_version", JsonWriter::Style::compact);
	json_->value("command", verb_);
	json_->value("major", 1);
	json_->value("minor", 0);
	json_->end();
	return *json_;
}

void Answer::text(const std::string &text)
{
	if (std::fwrite(text.data(), 1, text.size(), out_) != text.size())
		throw Failure(ExitStatus::failed, "output", "the answer cannot be written");
}

void Answer::flush()
{
	if (!as_json() && std::fflush(out_))
		throw Failure(ExitStatus::failed, "output", "the answer cannot be written");
}

void Answer::warn(const std::string &id, const std::string &text)
{
	say(text);
	warnings_.push_back({id, text});
}

void Answer::note(const std::string &text)
{
	if (manners_.verbose)
		say(text);
}

void Answer::logged(const std::vector<std::string> &lines)
{
	for (const std::string &line : lines)
		say(line);
}

std::vector<std::string> Answer::warned() const
{
	std::vector<std::string> out;

	for (const Warning &warning : warnings_)
		out.push_back(warning.text);
	return out;
}

void Answer::confirm(const std::string &what_is_lost)
{
	if (manners_.yes)
		return;
	if (manners_.dry_run)
		return warn("would-ask", what_is_lost);
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		throw Failure(ExitStatus::would_lose, "needs-yes", what_is_lost + " If that is what you want, add --yes.");
	say(what_is_lost + "\nType yes to go on.");
	std::string reply;

	std::getline(std::cin, reply);
	if (reply != "yes")
		throw Failure(ExitStatus::failed, "declined", "nothing was done");
}

// Every document ends with warnings and error, whatever came before and however far it came.
void Answer::close(const std::string *id, const std::string *text)
{
	JsonWriter &out = json();

	out.unwind(1);
	out.begin_array("warnings");
	for (const Warning &warning : warnings_) {
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("id", warning.id);
		out.value("text", warning.text);
		out.end();
	}
	out.end();
	if (id) {
		out.begin_object("error");
		out.value("id", *id);
		out.value("text", *text);
		out.end();
	} else {
		out.null("error");
	}
	out.end();
	out.finish();
}

void Answer::done()
{
	if (as_json())
		close(nullptr, nullptr);
	flush();
}

void Answer::fail(const std::string &id, const std::string &text)
{
	say(text);
	if (as_json())
		close(&id, &text);
	else
		std::fflush(out_);
}

void Answer::fail_judged(const Failure &failure, Verdict verdict)
{
	fail(failure.id(), failure.what());
	throw Judged{verdict};
}

bool Answer::on_terminal()
{
	return isatty(STDOUT_FILENO);
}

void say(std::string_view text)
{
	std::string out = "dmremap: ";

	for (size_t at = 0, end; at <= text.size(); at = end + 1) {
		end = std::min(text.find('\n', at), text.size());
		out += shown(text.substr(at, end - at)) + "\n";
	}
	// If nobody can be told, what is done goes on all the same.
	(void)std::fwrite(out.data(), 1, out.size(), stderr);
}

std::string shown(std::string_view text)
{
	std::string out;

	for (size_t i = 0; i < text.size(); i++) {
		const auto c = static_cast<unsigned char>(text[i]);
		// U+0080 to U+009F: some terminals obey them as well.
		const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;

		out += c < ' ' || c == 0x7f || c1 ? '?' : text[i];
		i += c1;
	}
	return out;
}

std::string lower(std::string text)
{
	std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
	return text;
}

std::string human_bytes(uint64_t bytes)
{
	static constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	double amount = static_cast<double>(bytes);
	size_t unit = 0;

	for (; amount >= 1024 && unit + 1 < units.size(); unit++)
		amount /= 1024;
	return unit && amount < 100 ? fmt::format("{:.1f} {}", amount, units[unit]) : fmt::format("{:.0f} {}", amount, units[unit]);
}

std::string when(uint64_t wall_seconds)
{
	const std::time_t seconds = static_cast<std::time_t>(wall_seconds);
	std::tm local = {};
	char text[64];

	if (!localtime_r(&seconds, &local) || !std::strftime(text, sizeof(text), "%F %T %z", &local))
		return std::to_string(wall_seconds);
	return text;
}

} // namespace dm_remap::tool
