// SPDX-License-Identifier: GPL-2.0
// Suspends, tables, names, questions.
#include "actors.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <sstream>

namespace dm_remap::stress {

namespace {

// 0: done. One of `legal`: refused, as others are at work too. Else it is found.
void judge(Subject &s, const Action &action, int error, std::initializer_list<int> legal)
{
	const bool may = std::find(legal.begin(), legal.end(), error) != legal.end();

	if (!error || may)
		return s.watch.count(s.side, action.kind, error ? Watch::refused : Watch::done);
	s.watch.found(std::string(name_of(s.side)) + ": " + text(action) + ": " + std::strerror(error));
}

// Refused for what is wrong with it; refused for another reason, it says nothing.
void judge_refusal(Subject &s, const Action &action, int error, int due, std::initializer_list<int> legal)
{
	judge(s, action, error == due ? 0 : error ? error : EUCLEAN, legal);
}

void suspend(Subject &s, const Action &action)
{
	int error;

	{
		const Busy busy("suspend");

		error = s.dm().suspend((action.kind == Kind::suspend_noflush ? Mapped::no_flush : 0u) |
				     (action.which ? Mapped::no_lockfs : 0u));
	}
	// It is suspended already.
	judge(s, action, error, {EINVAL});
	s.watch.pause(action.hold_ms);
	s.resume();
}

// A table may be refused because a spare is being added or removed, or cannot be read, or has come or gone since the line
// was read.
void reload(Subject &s, const Action &action)
{
	Line line;
	int error = s.line(line);

	if (action.kind == Kind::reload_changed)
		// On *strict* a weak block must have its second try.
		line.set_read_retries(action.which + (s.side == Side::strict ? 1 : 0));
	if (!error)
		error = s.load(line);
	if (error)
		return judge(s, action, error, {EBUSY, EINVAL, EIO});
	s.watch.pause(action.hold_ms);
	if (action.kind != Kind::load_and_clear)
		return judge(s, action, s.resume() ? 0 : EIO, {});
	judge(s, action, s.clear(), {});
}

void load_refused(Subject &s, const Action &action)
{
	Line line;

	if (s.line(line))
		return;
	switch (action.which) {
	case 0:
		line.features.push_back("frobnicate");
		break;
	case 1:
		line.place[0] = s.spare(0).number();
		break;
	case 2:
		line.place[2] = "8";
		break;
	case 3:
		line.features.push_back("read_retries");
		break;
	case 4:
		line.features.insert(line.features.end(), {"spare", "-", "0", std::to_string(spare_sectors)});
		break;
	default:
		line.sectors += 8;
	}
	const int error = s.load(line);

	judge(s, action, error ? 0 : EUCLEAN, {});
}

// No other actor does.
void rename(Subject &s, const Action &action)
{
	static std::string names[sides] = {name_of(Side::strict), name_of(Side::rough)};
	std::string &name = names[size_t(s.side)];
	const std::string to = name_of(s.side) + (action.which ? "-" + std::to_string(action.which) : std::string());

	if (to == name)
		return;
	const int error = s.rename(name, to);

	judge(s, action, error, {EBUSY});
	if (!error)
		name = to;
}

// Lines of words KEY=VALUE, some of them with words before them.
bool well_formed(const std::string &answer)
{
	std::istringstream in(answer);
	bool all = !answer.empty();

	for (std::string line; std::getline(in, line);)
		all = all && line.find('=') != std::string::npos;
	return all;
}

void say(Subject &s, const Action &action, const char *message)
{
	const Busy busy(message);
	std::string answer;
	const int error = s.dm().message(message, answer);

	switch (action.kind) {
	case Kind::clear_stats:
		return judge(s, action, error, {EBUSY});
	case Kind::message_refused:
		return judge_refusal(s, action, error, EINVAL, {});
	case Kind::help:
		return judge(s, action, error ? error : answer.empty() ? ENODATA : 0, {});
	default:
		judge(s, action, error ? error : well_formed(answer) ? 0 : ENODATA, {});
	}
}

void ask(Subject &s, const Action &action)
{
	constexpr const char *nonsense[] = {"frobnicate", "stats all", "add_spare", "remove_spare a b c"};
	Target target;
	uint32_t count = 0;

	switch (action.kind) {
	case Kind::status:
	case Kind::table: {
		const Busy busy("status");

		return judge(s, action, action.kind == Kind::status ? s.dm().status(target) : s.dm().table(target), {});
	}
	case Kind::deps: {
		const Busy busy("deps");

		return judge(s, action, s.dm().dependencies(count), {});
	}
	case Kind::help:
		return say(s, action, "help");
	case Kind::say_status:
		return say(s, action, "status");
	case Kind::stats:
		return say(s, action, "stats");
	case Kind::health:
		return say(s, action, "health");
	case Kind::cache_stats:
		return say(s, action, "cache_stats");
	case Kind::clear_stats:
		return say(s, action, "clear_stats");
	default:
		say(s, action, nonsense[action.which]);
	}
}

} // namespace

void administer(Subject &s, const Action &action)
{
	switch (action.kind) {
	case Kind::suspend:
	case Kind::suspend_noflush:
		return suspend(s, action);
	case Kind::reload:
	case Kind::reload_changed:
	case Kind::load_and_clear:
		return reload(s, action);
	case Kind::load_refused:
		return load_refused(s, action);
	case Kind::rename:
		return rename(s, action);
	default:
		ask(s, action);
	}
}

void wait_for_events(Subject &s)
{
	Info info;

	s.dm().info(info);
	for (uint32_t event = info.event; s.watch.going();) {
		const int error = s.dm().wait(event);

		if (error != EINTR)
			judge(s, {.kind = Kind::event}, error, {});
	}
}

} // namespace dm_remap::stress
