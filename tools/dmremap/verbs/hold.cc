// SPDX-License-Identifier: GPL-2.0
// hold SET: keeps a set's main from being used by itself until the set runs.
#include "boot/hold.hh"
#include "verbs.hh"

#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <syslog.h>
#include <system_error>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

class Hold final : public Verb {
public:
	const char *name() const override { return "hold"; }
	const char *summary() const override { return "keep a main from being used until its set runs: what boot does"; }

	void options(Options &o) override
	{
		o.one("set", set_, Takes::set, "SET", "its UUID, or its name in sets.conf");
		o.required();
		o.flag("--background", background_, "in a process of its own, where no systemd runs");
	}

	int run(Answer &answer) override
	{
		const SetsConfig config = SetsConfig::read();

		for (const std::string &fault : config.faults())
			answer.warn("config", fault);
		if (const ConfiguredSet *set = config.find(set_))
			set_ = set->uuid;
		if (!is_uuid(set_))
			throw Failure(ExitStatus::not_found, "not-found", fmt::format("{}: {} does not have it; say it by its UUID", shown(set_), config.path()));
		if (answer.manners().dry_run)
			return static_cast<int>(ExitStatus::done);
		if (background_)
			in_background();
		else
			hold(answer, [] {});
		return static_cast<int>(ExitStatus::done);
	}

private:
	void hold(Answer &answer, const std::function<void()> &ready) const
	{
		Holder holder(set_, [&](const std::string &text) {
			if (background_)
				return syslog(LOG_NOTICE, "%s", text.c_str());
			if (answer.as_json())
				return answer.note(text);
			answer.line("{}", text);
			answer.flush();
		});

		holder.run(ready);
	}

	// Returns when main is held, or the process has ended, or nothing comes of it for some seconds.
	void in_background() const
	{
		constexpr int patience = 10000; // milliseconds
		int ends[2];

		if (pipe2(ends, O_CLOEXEC))
			throw std::system_error(errno, std::generic_category(), "pipe");
		Fd in(ends[0]), out(ends[1]);
		const pid_t child = fork();

		if (child < 0)
			throw std::system_error(errno, std::generic_category(), "fork");
		if (!child) {
			in = Fd();
			detached(std::move(out));
		}
		out = Fd();
		pollfd ready = {in.get(), POLLIN, 0};

		poll(&ready, 1, patience);
	}

	// Whoever waits for the end of what it started does not wait for this one.
	[[noreturn]] void detached(Fd out) const
	{
		const Fd nothing(open("/dev/null", O_RDWR | O_CLOEXEC));
		int status = EXIT_SUCCESS;

		setsid();
		for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
			dup2(nothing.get(), fd);
		(void)!chdir("/");
		openlog("dmremap", LOG_PID, LOG_DAEMON);
		try {
			const Manners silent;
			Answer nobody("", silent);

			hold(nobody, [&] { out = Fd(); });
		} catch (const std::exception &error) {
			syslog(LOG_ERR, "hold %s: %s", set_.c_str(), error.what());
			status = EXIT_FAILURE;
		}
		_exit(status);
	}

	std::string set_;
	bool background_ = false;
};

} // namespace

std::unique_ptr<Verb> make_hold()
{
	return std::make_unique<Hold>();
}

} // namespace dm_remap::tool
