// SPDX-License-Identifier: GPL-2.0
// What the monitor tells: one line, the whole text with what to do, and the facts by name, which are the same in the journal and in the
// environment of programs.
#ifndef DMREMAP_MONITOR_MESSAGE_HH
#define DMREMAP_MONITOR_MESSAGE_HH

#include "monitor/config.hh"
#include "monitor/events.hh"
#include "monitor/state.hh"

#include <string>
#include <utility>
#include <vector>

namespace dm_remap::tool {

// docs/monitoring.md says when each comes. Each has a MESSAGE_ID that never changes.
enum class MessageKind : uint8_t { started, event, state, alive, test, undelivered, stopped };

const char *kind_name(MessageKind kind);
const char *message_id(MessageKind kind);

struct Message {
	MessageKind kind = MessageKind::started;
	int priority = 0;	// as syslog has it
	std::string subject = {}; // one line, without control characters
	std::string text = {};	// lines
	bool mail = false;	// it is worth one
	bool programs = true;	// they are to know
	std::vector<std::pair<std::string, std::string>> facts = {}; // names in capitals, without a prefix; empty ones are left out
};

Message started_message(const MachineState &state, DailyMail daily_mail);
Message alive_message(const MachineState &state, DailyMail daily_mail);
// As it is once they have happened.
Message event_message(const Burst &burst, const MachineState &state);
// Without an event. before, now: of the same device; null: it was not there, or is there no more.
Message state_message(const DeviceState *before, const DeviceState *now);
Message test_message();
// what: a mail, or a program, and why it did not go.
Message undelivered_message(const std::string &what, const std::string &why);
Message stopped_message();

// "NAME=value" each. Of the journal, MESSAGE first; of a program, DM_REMAP_MESSAGE first.
std::vector<std::string> journal_fields(const Message &message);
std::vector<std::string> environment(const Message &message);
// With its header, for sendmail -t.
std::string mail_text(const Message &message, const MonitorConfig &config, const std::string &host, int64_t wall_seconds);
// Where there is no journal: the same fields.
std::string plain_text(const Message &message);

} // namespace dm_remap::tool

#endif
