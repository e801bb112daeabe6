// SPDX-License-Identifier: GPL-2.0
// open NAME: starts a set that was made before.
#include "machine/starter.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

class Open final : public Verb {
public:
	const char *name() const override { return "open"; }
	const char *summary() const override { return "start a set"; }

	void options(Options &o) override
	{
		o.one("name", request_.set, Takes::set, "NAME", "of the set, or its UUID");
		o.required();
		o.one("--main", request_.main, Takes::device, "DEV", "main, where nothing else says which it is");
		o.several("--spare", request_.spares, Takes::device, "DEV[@START[+SECTORS]]...", "these spares, and no others");
		o.flag("--degraded", request_.wishes.degraded, "without spares that the others know to be gone");
		o.flag("--force", request_.wishes.force, "with --degraded: without others as well; what only they know is lost");
		o.flag("--readonly", request_.wishes.read_only, "write nothing, neither to main nor to spares");
		o.flag("--new-main", request_.wishes.new_main, "main is a raw copy of the old one, or smaller now: record it as main");
		o.flag("--grow", request_.wishes.grow, "all of main, which is larger now");
		o.one("--main-id", main_id_, Takes::text, "TEXT", "what tells main's disk from others, where the kernel knows nothing");
		o.number("--read-retries", read_retries_, "N", "how often a block that cannot be read is tried again", UINT32_MAX);
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		Starter starter(machine, answer);

		if (request_.wishes.new_main && request_.main.empty())
			throw Failure(ExitStatus::usage, "usage", "--new-main: name it with --main");
		if (!main_id_.empty())
			request_.main_id = main_id_;
		if (read_retries_ != not_given)
			request_.wishes.read_retries = read_retries_;
		std::optional<Started> started = note_running(machine, answer);

		report(answer, started ? *started : starter.start(request_));
		return static_cast<int>(ExitStatus::done);
	}

private:
	static constexpr uint64_t not_given = UINT64_MAX;

	// It runs, and nothing would start it after a reboot: that is mended, as 'status' advises.
	std::optional<Started> note_running(const Machine &machine, Answer &answer) const
	{
		const auto runs = [&](const Running &device) { return device.name() == request_.set || machine.set_of(device) == request_.set; };
		const auto device = std::find_if(machine.running().begin(), machine.running().end(), runs);

		if (device == machine.running().end() || machine.configured(*device) || !request_.main.empty() || !request_.spares.empty())
			return {};
		if (!answer.manners().dry_run)
			remember(*device, answer);
		return Started{device->name(), machine.set_of(*device), sysfs::node(device->main_number()), {device->segment(), {}}, device->device().path};
	}

	static void report(Answer &answer, const Started &started)
	{
		const std::string table = fmt::format("0 {} remap {}", started.plan.segment.sectors, started.plan.segment.text);

		if (!answer.as_json()) {
			answer.line("{}", started.path.empty() ? table : fmt::format("{} serves {}", started.path, started.main));
			return;
		}
		JsonWriter &out = answer.json();

		out.value("name", started.name);
		out.value("set", started.set_uuid);
		out.value("path", started.path.empty() ? std::nullopt : std::optional(started.path));
		out.value("main", started.main);
		out.value("table", table);
		out.begin_array("left_out");
		for (const uint32_t slot : started.plan.left_out)
			out.value({}, slot);
		out.end();
	}

	StartRequest request_;
	std::string main_id_;
	uint64_t read_retries_ = not_given;
};

} // namespace

std::unique_ptr<Verb> make_open()
{
	return std::make_unique<Open>();
}

} // namespace dm_remap::tool
