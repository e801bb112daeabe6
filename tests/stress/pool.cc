// SPDX-License-Identifier: GPL-2.0
// Spares that come and go.
#include "actors.hh"

#include <cerrno>
#include <cstring>

namespace dm_remap::stress {

namespace {

constexpr Moment patience = Moment(240) * 1'000'000'000;
constexpr uint32_t most_jobs = 50;

int send(Subject &s, const std::string &message)
{
	const Busy busy(message);
	std::string answer;

	return s.dm().message(message, answer);
}

// Until the pool is as the plan has it: tries again when others are in the way.
class Attempts final {
public:
	Attempts(Subject &s, const Action &action) : s_(s), action_(action) {}

	// Whether to try once more; each time but the first counts as refused.
	bool again()
	{
		if (tries_++)
			s_.watch.count(s_.side, action_.kind, Watch::refused);
		if (now() > end_)
			s_.watch.found(std::string(name_of(s_.side)) + ": in vain for minutes: " + text(action_));
		if (tries_ > 1)
			std::this_thread::sleep_for(std::chrono::milliseconds(150));
		return s_.watch.all_well();
	}
	// A job has come to its end, however long it took; it may have failed for what goes wrong meanwhile.
	void job_ended()
	{
		end_ = now() + patience;
		if (++jobs_ == most_jobs)
			s_.watch.found(std::string(name_of(s_.side)) + ": job after job in vain: " + text(action_));
	}

private:
	Subject &s_;
	const Action &action_;
	Moment end_ = now() + patience;
	uint32_t tries_ = 0, jobs_ = 0;
};

void unexpected(Subject &s, const Action &action, int error)
{
	s.watch.found(std::string(name_of(s.side)) + ": " + text(action) + ": " + std::strerror(error));
}

bool in_the_way(int error)
{
	return error == EBUSY || error == EINVAL || error == EIO || error == ENOSPC || error == ENOENT;
}

// Wipes it and takes it in. A spare that was removed stays open until a table is loaded.
void add(Subject &s, const Action &action, bool by_table)
{
	Disk &disk = s.spare(action.which);

	for (Attempts attempts(s, action); attempts.again() && !s.is_member(action.which);) {
		Line line;
		int error;

		{
			const Busy busy("wipe");

			if (!disk.replace()) {
				s.reload();
				continue;
			}
		}
		if (!by_table) {
			error = send(s, "add_spare " + disk.number());
		} else {
			error = s.line(line);
			line.add_spare(disk);
			if (!error)
				error = s.load(line);
			if (!error)
				s.resume();
		}
		if (error && !in_the_way(error))
			unexpected(s, action, error);
	}
}

void remove(Subject &s, const Action &action)
{
	for (Attempts attempts(s, action); attempts.again() && s.is_member(action.which);) {
		const int error = send(s, "remove_spare " + s.spare(action.which).number());

		if (error && !in_the_way(error))
			unexpected(s, action, error);
		if (error)
			continue;
		if (!s.wait_for_job())
			return;
		attempts.job_ended();
	}
}

// Done: it was caught at work. One on which nothing lives goes at once, and comes back; so does one that was being removed
// when the metadata failed.
void remove_and_cancel(Subject &s, const Action &action)
{
	const std::string message = "remove_spare " + s.spare(action.which).number();
	int error = ENOENT;

	for (Attempts attempts(s, action); error && attempts.again() && s.is_member(action.which);) {
		error = send(s, message);
		if (error && !in_the_way(error))
			unexpected(s, action, error);
	}
	s.watch.pause(action.hold_ms);
	error = error ? error : send(s, message + " cancel");
	if (error && !in_the_way(error))
		unexpected(s, action, error);
	s.watch.count(s.side, action.kind, error ? Watch::refused : Watch::done);
	if (s.wait_for_job() && !s.is_member(action.which))
		add(s, action, false);
}

} // namespace

void change_pool(Subject &s, const Action &action)
{
	switch (action.kind) {
	case Kind::remove_cancelled:
		return remove_and_cancel(s, action);
	case Kind::remove_spare:
		remove(s, action);
		break;
	default:
		add(s, action, action.kind == Kind::add_by_table);
	}
	s.watch.count(s.side, action.kind, Watch::done);
}

} // namespace dm_remap::stress
