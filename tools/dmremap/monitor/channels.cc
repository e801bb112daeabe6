// SPDX-License-Identifier: GPL-2.0
#include "monitor/channels.hh"

#include "answer.hh"
#include "os/host_name.hh"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fmt/format.h>
#include <sys/uio.h>
// Where in the sources it is written tells nobody anything.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>
#include <unistd.h>

namespace dm_remap::tool {

Channels::Channels(MonitorConfig config, std::string folder)
	: config_(std::move(config)), folder_(std::move(folder)), host_(host_name()), jobs_(config_.limit)
{
}

// The library says that all went well where there is none.
bool Channels::has_journal() const
{
	return config_.journal && !access("/run/systemd/journal/socket", W_OK);
}

bool Channels::write(const Message &message) const
{
	std::vector<std::string> fields = journal_fields(message);
	std::vector<iovec> places;

	for (std::string &field : fields)
		places.push_back({field.data(), field.size()});
	if (has_journal() && !sd_journal_sendv(places.data(), static_cast<int>(places.size())))
		return true;
	const std::string text = plain_text(message);

	// If nobody reads it, what is watched goes on all the same.
	(void)std::fwrite(text.data(), 1, text.size(), stderr);
	return !has_journal();
}

void Channels::add(Job job)
{
	std::string what = job.what;

	if (!jobs_.add(std::move(job)))
		write(undelivered_message(what, fmt::format("{} others wait already", Jobs::most)));
}

bool Channels::tell(const Message &message)
{
	const bool written = write(message);

	if (message.mail && !config_.mail.empty()) {
		Job job = {.what = fmt::format("mail to {}", fmt::join(config_.mail, ", ")),
			   .words = {config_.sendmail, "-i", "-t"},
			   .environment = environment(message),
			   .input = mail_text(message, config_, host_, std::time(nullptr))};

		if (!config_.from.empty())
			job.words.insert(job.words.end(), {"-f", config_.from});
		add(std::move(job));
	}
	if (!message.programs)
		return written;
	for (const std::string &path : programs().paths)
		add({.what = path, .words = {path}, .environment = environment(message), .input = {}});
	return written;
}

Programs Channels::programs()
{
	Programs found = programs_in(folder_);

	for (const Programs::Skipped &skipped : found.skipped)
		if (std::find(told_.begin(), told_.end(), skipped) == told_.end())
			write(undelivered_message(skipped.path, "not run: " + skipped.why));
	told_ = found.skipped;
	return found;
}

std::vector<JobEnd> Channels::step(Jobs::Time now)
{
	std::vector<JobEnd> ends = jobs_.step(now);

	for (const JobEnd &end : ends)
		if (!end.wrong.empty())
			write(undelivered_message(end.what, end.wrong));
	return ends;
}

} // namespace dm_remap::tool
