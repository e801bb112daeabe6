// SPDX-License-Identifier: GPL-2.0
#include "monitor/message.hh"

#include "answer.hh"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/format.h>
#include <syslog.h>

namespace dm_remap::tool {

namespace {

struct KindWords {
	const char *name, *id;
};

constexpr std::array<KindWords, 7> kinds = {{
	{"started", "5c7e0540df8a41aab52821bd48cb3497"},
	{"event", "414f97df48ac4d46a6c3e853cb71622a"},
	{"state", "3783b94e7d194ae6982469e38ddd79de"},
	{"alive", "d5336b3ffbcc40db86a96b185349ca4e"},
	{"test", "1c1c6a6f2cbc48b1a7b7179d9c7ae8cd"},
	{"undelivered", "d3aa76054a7140879b8de34158c18e8e"},
	{"stopped", "7478e216a2584579b66fd273d4b4ab4e"},
}};

// One variable of a program's environment holds 128 KiB at most.
constexpr size_t longest_text = 60000;

const char *verdict_text(Verdict verdict)
{
	return verdict == Verdict::well ? "well" : verdict == Verdict::attention ? "attention" : "critical";
}

int priority_of(Verdict verdict, int if_well)
{
	return verdict == Verdict::well ? if_well : verdict == Verdict::attention ? LOG_WARNING : LOG_CRIT;
}

std::string title(const DeviceState &device)
{
	return device.name.empty() ? "this machine" : shown(device.name);
}

// The gravest, if something is to be done.
std::string in_short(const DeviceState &device)
{
	const std::vector<Finding> &findings = device.judgement.findings;
	const auto troubles = std::count_if(findings.begin(), findings.end(), [](const Finding &f) { return f.urgency != Urgency::note; });

	if (!troubles)
		return device.judgement.state;
	return fmt::format("{}: {}{}", device.judgement.state, shown(findings.front().text),
			   troubles > 1 ? fmt::format(" (and {} more)", troubles - 1) : "");
}

void add_device(std::string &text, const DeviceState &device)
{
	text += fmt::format("{}: {}{}\n", title(device), device.judgement.state, device.main.empty() ? "" : fmt::format(", main is {}", shown(device.main)));
	for (const Finding &finding : device.judgement.findings)
		text += fmt::format("    {}: {}\n        {}\n", urgency_text(finding.urgency), shown(finding.text), shown(finding.action));
}

// What is not well first.
std::string text_of(const MachineState &state)
{
	std::string text;

	if (!state.machine.judgement.findings.empty())
		add_device(text, state.machine);
	for (const bool well : {false, true})
		for (const DeviceState &device : state.devices)
			if ((device.judgement.verdict == Verdict::well) == well)
				add_device(text, device);
	return text;
}

// Which devices are not well, and how many are.
std::string summary(const MachineState &state)
{
	constexpr size_t most_named = 8;
	std::vector<std::string> bad;
	size_t well = 0;

	if (!state.machine.judgement.findings.empty())
		bad.push_back(fmt::format("{}: {}", title(state.machine), in_short(state.machine)));
	for (const DeviceState &device : state.devices) {
		if (device.judgement.verdict == Verdict::well)
			well++;
		else
			bad.push_back(fmt::format("{}: {}", title(device), in_short(device)));
	}
	if (bad.empty())
		return well ? fmt::format("{} sets and devices, all is well", well) : "no set runs, and sets.conf has none";
	const size_t left_out = bad.size() - std::min(bad.size(), most_named);

	bad.resize(bad.size() - left_out);
	return fmt::format("{}{}{}", fmt::join(bad, "; "), left_out ? fmt::format("; {} more that are not well", left_out) : "",
			   well ? fmt::format("; {} more well", well) : "");
}

std::string ids_of(const DeviceState &device)
{
	std::string out;

	for (const Finding &finding : device.judgement.findings)
		out += (out.empty() ? "" : " ") + finding.id;
	return out;
}

// The facts that all have, in the order of the documentation.
void complete(Message &message, Verdict verdict, const DeviceState *device, const std::string &events = {})
{
	if (message.text.size() > longest_text)
		message.text = message.text.substr(0, message.text.rfind('\n', longest_text) + 1) + "and more: see 'dmremap status'\n";
	message.facts = {{"KIND", kind_name(message.kind)}, {"VERDICT", verdict_text(verdict)}};
	if (device) {
		message.facts.insert(message.facts.end(), {{"DEVICE", shown(device->name)},
							   {"SET", shown(device->set)},
							   {"MAIN", shown(device->main)},
							   {"STATE", device->judgement.state},
							   {"FINDINGS", ids_of(*device)}});
	}
	message.facts.insert(message.facts.end(), {{"EVENTS", events}, {"TEXT", message.text}});
	std::erase_if(message.facts, [](const auto &fact) { return fact.second.empty(); });
}

Message of_all(MessageKind kind, const std::string &begin, const MachineState &state)
{
	Message out = {.kind = kind, .priority = priority_of(state.verdict(), LOG_INFO), .subject = begin + summary(state), .text = text_of(state)};

	complete(out, state.verdict(), nullptr);
	return out;
}

Message of_itself(MessageKind kind, Verdict verdict, int priority, const std::string &subject, const std::string &text)
{
	Message out = {.kind = kind, .priority = priority, .subject = subject, .text = text};

	complete(out, verdict, nullptr);
	return out;
}

void add_facts(std::vector<std::string> &out, const Message &message)
{
	for (const auto &[name, value] : message.facts)
		out.push_back(fmt::format("DM_REMAP_{}={}", name, value));
}

// Readers of headers that are not ASCII want them encoded.
std::string ascii(std::string text)
{
	std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
	return text;
}

} // namespace

const char *kind_name(MessageKind kind)
{
	return kinds[static_cast<size_t>(kind)].name;
}

const char *message_id(MessageKind kind)
{
	return kinds[static_cast<size_t>(kind)].id;
}

Message started_message(const MachineState &state, DailyMail daily_mail)
{
	Message out = of_all(MessageKind::started, "watching: ", state);

	out.mail = state.verdict() != Verdict::well || daily_mail == DailyMail::always;
	return out;
}

Message alive_message(const MachineState &state, DailyMail daily_mail)
{
	Message out = of_all(MessageKind::alive, "still watching: ", state);

	out.mail = daily_mail == DailyMail::always || (daily_mail == DailyMail::bad && state.verdict() != Verdict::well);
	return out;
}

Message event_message(const Burst &burst, const MachineState &state)
{
	const DeviceState *const found = burst.device.empty() ? nullptr : state.find(burst.device);
	DeviceState device = {.name = burst.device, .judgement = {.state = "UNKNOWN", .verdict = Verdict::well, .findings = {}}};
	std::string what, text;

	if (found)
		device = *found;
	else if (!state.known)
		device.judgement.add(state.machine.judgement.findings);
	else if (!burst.device.empty())
		device.judgement.add({{"gone", "it does not run any more", "'dmremap list' says what is there", Urgency::attention}});
	for (size_t i = 0; i < burst.counts.size(); i++) {
		const EventKind &kind = event_kinds()[i];

		if (!burst.counts[i])
			continue;
		what += fmt::format("{}{}", what.empty() ? "" : ", ", kind.text);
		text += fmt::format("    {} ({}{})\n", kind.text, kind.name, burst.counts[i] > 1 ? fmt::format(", {} times", burst.counts[i]) : "");
		if (*kind.action)
			text += fmt::format("        {}\n", kind.action);
	}
	const std::string name = burst.device.empty() ? "several devices" : title(device);
	const std::string since = burst.time.count() ? fmt::format("{} more events within {} s: ", burst.events(), burst.time.count()) : "";
	Message out = {.kind = MessageKind::event,
		       .priority = priority_of(device.judgement.verdict, LOG_NOTICE),
		       .subject = fmt::format("{}: {}{}; {}", name, since, what, burst.device.empty() ? summary(state) : in_short(device)),
		       .text = fmt::format("{}, what has happened:\n{}\nHow it is now, and what to do:\n", name, text),
		       .mail = burst.trouble};

	if (burst.device.empty())
		out.text += text_of(state);
	else
		add_device(out.text, device);
	complete(out, burst.device.empty() ? state.verdict() : device.judgement.verdict, burst.device.empty() ? nullptr : &device, burst.names());
	return out;
}

Message state_message(const DeviceState *before, const DeviceState *now)
{
	const std::set<std::string> old_troubles = before ? before->troubles() : std::set<std::string>();
	DeviceState gone = before && !now ? *before : DeviceState();

	gone.judgement = {.state = "GONE", .verdict = Verdict::well, .findings = {}};
	const DeviceState &device = now ? *now : gone;
	const bool well_again = !old_troubles.empty() && device.troubles().empty();
	Message out = {.kind = MessageKind::state, .priority = priority_of(device.judgement.verdict, LOG_NOTICE)};

	out.subject = fmt::format("{}: {}{}", title(device), in_short(device), well_again && now ? ", well again" : !before ? ", new" : "");
	add_device(out.text, device);
	out.text += fmt::format("    before: {}\n", before ? in_short(*before) : "not there");
	out.mail = old_troubles != device.troubles();
	complete(out, device.judgement.verdict, &device);
	return out;
}

Message test_message()
{
	Message out = of_itself(MessageKind::test, Verdict::well, LOG_NOTICE, "a test: nothing has happened",
				"This is what 'dmremap monitor --test' sends through each channel. Nothing needs to be done.\n");

	out.mail = true;
	return out;
}

Message undelivered_message(const std::string &what, const std::string &why)
{
	Message out = of_itself(MessageKind::undelivered, Verdict::attention, LOG_ERR, fmt::format("{}: {}", shown(what), shown(why)),
				"Nobody was told by it. Mend it, then 'dmremap monitor --test' says whether it goes.\n");

	out.programs = false;
	return out;
}

Message stopped_message()
{
	Message out = of_itself(MessageKind::stopped, Verdict::well, LOG_INFO, "no longer watching",
				"Nobody tells of what happens from here on, but for the kernel log.\n");

	out.programs = false;
	return out;
}

std::vector<std::string> journal_fields(const Message &message)
{
	std::vector<std::string> out = {"MESSAGE=" + message.subject, fmt::format("MESSAGE_ID={}", message_id(message.kind)),
					fmt::format("PRIORITY={}", message.priority)};

	add_facts(out, message);
	return out;
}

std::vector<std::string> environment(const Message &message)
{
	std::vector<std::string> out = {"DM_REMAP_MESSAGE=" + message.subject, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};

	add_facts(out, message);
	return out;
}

std::string mail_text(const Message &message, const MonitorConfig &config, const std::string &host, int64_t wall_seconds)
{
	const std::time_t seconds = wall_seconds;
	std::tm local = {};
	char date[64] = "";

	if (localtime_r(&seconds, &local))
		std::strftime(date, sizeof(date), "%a, %d %b %Y %T %z", &local);
	std::string out = fmt::format("To: {}\n", fmt::join(config.mail, ", "));

	if (!config.from.empty())
		out += fmt::format("From: {}\n", config.from);
	// A line of a mail holds 998 bytes.
	const std::string subject = message.subject.substr(0, 700);

	out += fmt::format("Subject: dm-remap on {}: {}\nDate: {}\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
			   "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
			   ascii(shown(host)), ascii(subject), date);
	return out + fmt::format("{}\n\n{}\n-- \ndmremap monitor on {}: docs/monitoring.md\n", subject, message.text, shown(host));
}

std::string plain_text(const Message &message)
{
	std::string out = "dm-remap: " + message.subject + "\n";

	for (const std::string &field : journal_fields(message)) {
		if (field.starts_with("MESSAGE="))
			continue;
		out += "\t";
		// What has lines of its own goes on below.
		for (size_t i = 0; i < field.size(); i++)
			if (i + 1 < field.size() || field[i] != '\n')
				out += field[i] == '\n' ? "\n\t\t" : std::string(1, field[i]);
		out += "\n";
	}
	return out;
}

} // namespace dm_remap::tool
