// SPDX-License-Identifier: GPL-2.0
// dmr_stress: runs in the virtual machine (stress.sh). All that users, administrators and failing disks do to two remap
// devices, at once.
//
//	dmr_stress run SEED SECONDS AGAIN DISK...	AGAIN: a command that removes the devices and makes them anew
//	dmr_stress plan SEED COUNT			prints the first actions of everybody
//
// DISK, of each device main and then the spares: NAME:NODE[:UUID of the gate]. Exit status 0: nothing was found, all was
// done.
#include "actors.hh"
#include "fio.hh"
#include "tracker.hh"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <pthread.h>

namespace dm_remap::stress {

namespace {

constexpr uint32_t most_seconds_more = 900;

class Stress final {
public:
	Stress(uint64_t seed, char **disks) : seed_(seed)
	{
		for (Side side : {Side::strict, Side::rough}) {
			std::vector<std::unique_ptr<Disk>> own;

			for (uint32_t i = 0; i < 1 + spares; i++)
				own.push_back(disk(*disks++));
			subjects_[size_t(side)] = std::make_unique<Subject>(side, std::move(own), watch_);
		}
		for (const Part &part : cast()) {
			Subject &subject = *subjects_[size_t(part.side)];

			if (part.role == Role::tracker)
				trackers_.try_emplace({part.side, part.number}, subject, part.number);
			else if (part.role == Role::fio)
				fio_.try_emplace(part.number, subject, part.number);
		}
	}

	bool run(uint32_t seconds, const char *again)
	{
		watch_.enter("main");
		play(seconds);
		if (watch_.all_well())
			restore();
		const bool complete = watch_.table();

		return watch_.all_well() && look_back(again) && complete;
	}

private:
	static std::unique_ptr<Disk> disk(const std::string &words)
	{
		const size_t node = words.find(':') + 1, gate = words.find(':', node);

		return std::make_unique<Disk>(words.substr(0, node - 1), words.substr(node, gate - node),
					      gate == std::string::npos ? "" : words.substr(gate + 1));
	}

	void play(uint32_t seconds)
	{
		std::vector<std::thread> threads, waiters;
		std::atomic<uint32_t> waiting{0};

		for (const Part &part : cast()) {
			if (part.role != Role::waiter) {
				threads.emplace_back([this, part] { act(part); });
				continue;
			}
			waiting++;
			waiters.emplace_back([this, part, &waiting] {
				act(part);
				waiting--;
			});
		}
		watch_.pause(seconds * 1000);
		// A slow machine gets the time that it needs for everything to be done once.
		for (uint32_t more = 0; more < most_seconds_more && !watch_.complete(); more++)
			watch_.pause(1000);
		watch_.stop();
		for (std::thread &thread : threads)
			thread.join();
		while (waiting) {
			for (std::thread &waiter : waiters)
				pthread_kill(waiter.native_handle(), SIGUSR1);
			std::this_thread::sleep_for(std::chrono::milliseconds(50));
		}
		for (std::thread &waiter : waiters)
			waiter.join();
	}

	void act(const Part &part)
	{
		Subject &subject = *subjects_[size_t(part.side)];
		Plan plan(part, seed_);

		watch_.enter(name_of(part));
		if (part.role == Role::waiter)
			return wait_for_events(subject);
		while (watch_.going()) {
			const Action action = plan.next();

			watch_.pause(action.pause_ms);
			if (watch_.going())
				perform(part, subject, action);
		}
	}

	void perform(const Part &part, Subject &subject, const Action &action)
	{
		const bool often = part.role == Role::tracker || part.role == Role::looker || part.role == Role::observer ||
				   part.role == Role::sysfs;

		if (!often)
			watch_.note(text(action));
		switch (part.role) {
		case Role::pool:
			return change_pool(subject, action);
		case Role::decay:
		case Role::misfortune:
			return go_wrong(subject, action);
		case Role::sysfs:
			return read_sysfs(watch_);
		case Role::stats_module:
			return reload_stats(watch_, action);
		case Role::tracker:
			return trackers_.at({part.side, part.number}).perform(action);
		case Role::looker:
			return trackers_.at({part.side, part.number}).look(action);
		case Role::fio:
			return fio_.at(part.number).pass(action);
		default:
			return administer(subject, action);
		}
	}

	// Names as they were, nothing in the page cache, all spares up to date.
	void restore()
	{
		for (auto &[_, tracker] : trackers_) {
			tracker.perform({.kind = Kind::sync});
			tracker.close();
		}
		for (auto &subject : subjects_) {
			subject->resume();
			subject->reload();
			subject->settle();
			administer(*subject, {.kind = Kind::rename});
		}
	}

	// From devices that were made anew, over disks of which none fails any more.
	bool look_back(const char *again)
	{
		for (auto &subject : subjects_) {
			for (uint32_t i = 0; i < spares; i++)
				subject->must(subject->spare(i).heal_all(), "healing a spare");
			subject->must(subject->main().heal_all(), "healing main");
		}
		std::fflush(stdout);
		if (std::system(again) != 0)
			watch_.found("the devices cannot be removed and made anew");
		if (!watch_.all_well())
			return false;
		for (auto &subject : subjects_)
			subject->find();
		for (auto &[_, tracker] : trackers_)
			tracker.read_all();
		for (auto &[_, job] : fio_)
			job.verify();
		return watch_.all_well();
	}

	const uint64_t seed_;
	Watch watch_;
	std::unique_ptr<Subject> subjects_[sides];
	std::map<std::pair<Side, uint32_t>, Tracker> trackers_;
	std::map<uint32_t, FioJob> fio_;
};

int print_plan(uint64_t seed, uint32_t count)
{
	for (const Part &part : cast()) {
		Plan plan(part, seed);

		for (uint32_t i = 0; i < count; i++)
			std::printf("%s: %s\n", name_of(part).c_str(), text(plan.next()).c_str());
	}
	return 0;
}

int run(int argc, char **argv)
{
	const std::string verb = argc > 1 ? argv[1] : "";

	if (verb == "plan" && argc == 4)
		return print_plan(std::strtoull(argv[2], nullptr, 10), uint32_t(std::atoi(argv[3])));
	if (verb != "run" || argc != 5 + 2 * (1 + spares)) {
		std::fprintf(stderr, "usage: dmr_stress run SEED SECONDS AGAIN DISK...\n       dmr_stress plan SEED COUNT\n");
		return 2;
	}
	// Ends a wait for an event.
	struct sigaction nothing = {};

	nothing.sa_handler = [](int) {};
	sigaction(SIGUSR1, &nothing, nullptr);
	Stress stress(std::strtoull(argv[2], nullptr, 10), argv + 5);

	return stress.run(uint32_t(std::atoi(argv[3])), argv[4]) ? 0 : 1;
}

} // namespace

} // namespace dm_remap::stress

int main(int argc, char **argv)
{
	return dm_remap::stress::run(argc, argv);
}
