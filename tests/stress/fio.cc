// SPDX-License-Identifier: GPL-2.0
#include "fio.hh"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace dm_remap::stress {

namespace {

constexpr uint32_t pass_limit_s = 600;
constexpr uint32_t most_bad = 12;

const std::vector<std::string> &options(uint32_t number)
{
	static const std::vector<std::string> jobs[fio_jobs] = {
		{"--ioengine=libaio", "--iodepth=8", "--direct=1", "--bsrange=512-32k", "--bs_unaligned=0", "--verify_interval=512"},
		{"--ioengine=io_uring", "--iodepth=4", "--direct=1", "--bs=4k"},
		{"--ioengine=psync", "--bsrange=4k-64k", "--fsync=32", "--end_fsync=1", "--verify_interval=4k"},
		{"--ioengine=libaio", "--iodepth=2", "--direct=1", "--bsrange=64k-512k", "--fdatasync=16", "--verify_interval=4k"},
	};

	return jobs[number];
}

std::string content(const std::string &path)
{
	std::ostringstream text;

	text << std::ifstream(path).rdbuf();
	return text.str();
}

} // namespace

void FioJob::pass(const Action &action)
{
	host::Random random(action.which);
	const uint64_t first = number_ * fio_sectors;

	pattern_ = action.which | 1;
	for (uint64_t i = random.below(most_bad); i > 0; i--) {
		const uint64_t count = random.between(1, 8);

		subject_.main_bad(first + random.below(fio_sectors - count), count, random.chance(1, 2));
	}
	run(false);
	subject_.watch.count(subject_.side, Kind::fio_pass, Watch::done);
}

void FioJob::verify()
{
	if (pattern_)
		run(true);
}

void FioJob::run(bool verify_only)
{
	const std::string name = "fio" + std::to_string(number_), log = "/dev/shm/" + name + ".log";
	char pattern[32];

	std::snprintf(pattern, sizeof(pattern), "0x%08x%%o", pattern_);
	std::vector<std::string> words = {
		"fio", "--name=" + name, "--filename=" + subject_.path(), "--rw=randwrite",
		"--offset=" + std::to_string(number_ * fio_sectors * sector_bytes),
		"--size=" + std::to_string(fio_sectors * sector_bytes),
		"--verify=pattern", std::string("--verify_pattern=") + pattern, "--verify_fatal=1",
		"--randseed=" + std::to_string(pattern_), "--eta=never", "--output=" + log};

	words.insert(words.end(), options(number_).begin(), options(number_).end());
	if (verify_only)
		words.push_back("--verify_only");
	std::vector<char *> arguments;

	for (std::string &word : words)
		arguments.push_back(word.data());
	arguments.push_back(nullptr);
	const Busy busy(name + " pass " + pattern, pass_limit_s);
	const pid_t child = fork();

	if (child == 0) {
		const int out = open((log + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);

		dup2(out, 1);
		dup2(out, 2);
		if (chdir("/dev/shm") == 0)
			execvp(arguments[0], arguments.data());
		_exit(127);
	}
	int status = 0;

	// One that meets what another has found is of no use any more.
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (!subject_.watch.all_well())
			kill(child, SIGKILL);
		std::this_thread::sleep_for(std::chrono::milliseconds(50));
	}
	if (status && subject_.watch.all_well())
		subject_.watch.found(name + (verify_only ? " --verify_only" : "") + " ends with status " +
				     std::to_string(status) + "\n" + content(log + ".out") + content(log));
}

} // namespace dm_remap::stress
