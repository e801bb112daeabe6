// SPDX-License-Identifier: GPL-2.0
#include "selftest/interruptions.hh"

#include "exit_status.hh"

#include <cstring>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

constexpr timespec at_once = {0, 0};

} // namespace

Interruptions::Interruptions()
{
	sigemptyset(&ours_);
	for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE})
		sigaddset(&ours_, number);
	sigprocmask(SIG_BLOCK, &ours_, &before_);
}

Interruptions::~Interruptions()
{
	while (sigtimedwait(&ours_, nullptr, &at_once) > 0)
		continue;
	sigprocmask(SIG_SETMASK, &before_, nullptr);
}

void Interruptions::stop_if_any() const
{
	const int number = sigtimedwait(&ours_, nullptr, &at_once);

	if (number > 0 && number != SIGPIPE)
		throw Failure(ExitStatus::failed, "interrupted", fmt::format("interrupted ({}): not all was tried", strsignal(number)));
}

} // namespace dm_remap::tool
