// SPDX-License-Identifier: GPL-2.0
#include "monitor/config.hh"

#include "config_words.hh"

#include <algorithm>
#include <fmt/format.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

constexpr uint64_t longest_day = 7 * 86400, longest_hour = 3600;

// It stands in a header, and on a command line.
std::string address_of(const std::string &key, const std::string &text)
{
	const auto fits = [](char c) { return c > ' ' && c < 0x7f && c != ',' && c != '<' && c != '>' && c != '"'; };

	if (text.empty() || text.front() == '-' || !std::all_of(text.begin(), text.end(), fits))
		throw ConfigFault{fmt::format("{}: '{}' is no plain address, as root or admin@example.org", key, text)};
	return text;
}

std::chrono::seconds seconds_of(const std::string &key, const std::string &text, uint64_t most)
{
	const uint64_t seconds = number_of(key, text);

	if (!seconds || seconds > most)
		throw ConfigFault{fmt::format("{}: {} is not from 1 to {} seconds", key, seconds, most)};
	return std::chrono::seconds(seconds);
}

std::string path_of(const std::string &key, const std::string &text)
{
	if (!text.starts_with('/'))
		throw ConfigFault{fmt::format("{}: '{}' is no absolute path", key, text)};
	return text;
}

DailyMail daily_of(const std::string &key, const std::string &text)
{
	if (text != "never" && text != "bad" && text != "always")
		throw ConfigFault{fmt::format("{}: '{}' is neither 'never' nor 'bad' nor 'always'", key, text)};
	return text == "never" ? DailyMail::never : text == "bad" ? DailyMail::bad : DailyMail::always;
}

void take(MonitorConfig &config, const std::string &key, const std::string &value)
{
	if (key == "mail")
		config.mail.push_back(address_of(key, value));
	else if (key == "from")
		config.from = address_of(key, value);
	else if (key == "sendmail")
		config.sendmail = path_of(key, value);
	else if (key == "daily_mail")
		config.daily_mail = daily_of(key, value);
	else if (key == "journal")
		config.journal = yes_or_no(key, value);
	else if (key == "together")
		config.together = seconds_of(key, value, longest_hour);
	else if (key == "look_every")
		config.look_every = seconds_of(key, value, longest_day);
	else if (key == "limit")
		config.limit = seconds_of(key, value, longest_hour);
	else
		throw ConfigFault{fmt::format("'{}' is unknown; there are mail, from, sendmail, daily_mail, journal, together, look_every, limit", key)};
}

} // namespace

MonitorConfig MonitorConfig::read(const std::string &path)
{
	try {
		return parse(path, config_text(path));
	} catch (const std::system_error &error) {
		MonitorConfig config;

		config.faults.emplace_back(error.what());
		return config;
	}
}

MonitorConfig MonitorConfig::parse(const std::string &path, const std::string &text)
{
	MonitorConfig config;
	size_t number = 0;

	for (const std::string &line : config_lines(text)) {
		std::string_view rest = words_of(line);
		std::string word;

		number++;
		try {
			while (next_word(rest, word)) {
				const auto [key, value] = key_and_value(word);

				take(config, key, value);
			}
		} catch (const ConfigFault &fault) {
			config.faults.push_back(fmt::format("{}:{}: {}", path, number, fault.text));
		}
	}
	return config;
}

} // namespace dm_remap::tool
