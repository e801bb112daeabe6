// SPDX-License-Identifier: GPL-2.0
// smart [NAME...]: what the drives say of themselves, beside what was seen of them.
#include "judgement_text.hh"
#include "lists/block_list.hh"
#include "machine/disk_care.hh"
#include "machine/drive_of.hh"
#include "machine/judged.hh"
#include "os/program.hh"
#include "smart/judge_drive.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

struct Drive {
	DriveRole role;
	std::optional<DriveHealth> health; // no value: it is not a single drive, or smartctl cannot speak to it
	std::optional<Finding> recovery;
};

struct Report {
	std::string name;
	std::vector<Drive> drives;	// main's first
	Judgement judgement;	// of the device and its drives together
};

class Smart final : public Verb {
public:
	const char *name() const override { return "smart"; }
	const char *summary() const override { return "say what the drives of main and spares say of themselves, and what to do"; }

	void options(Options &o) override
	{
		o.several("name", names_, Takes::set, "NAME...", "of devices, paths to them, or UUIDs of their sets; without any, all that run");
		o.flag("--test", test_, "say it by the exit status: 0 well, 1 attention, 2 critical, 4 cannot tell");
	}

	int run(Answer &answer) override
	{
		std::vector<Report> reports;

		try {
			reports = ask(answer);
		} catch (const Failure &failure) {
			if (!test_)
				throw;
			answer.fail_judged(failure, Verdict::cannot_tell);
		}
		if (answer.as_json())
			write(answer.json(), reports);
		else
			print(answer, reports);
		Verdict verdict = Verdict::well;

		for (const Report &report : reports)
			verdict = std::max(verdict, report.judgement.verdict);
		return test_ ? static_cast<int>(verdict) : static_cast<int>(ExitStatus::done);
	}

private:
	std::vector<Report> ask(Answer &answer) const
	{
		const Machine machine(answer);
		std::vector<Report> reports;

		if (machine.unavailable())
			throw Failure(ExitStatus::failed, "device-mapper", fmt::format("what runs is not known: {}", *machine.unavailable()));
		if (names_.empty())
			for (const Running &device : machine.running())
				reports.push_back(report(answer, machine, device));
		for (const std::string &name : names_)
			reports.push_back(report(answer, machine, machine.find(name)));
		return reports;
	}

	static Report report(Answer &answer, const Machine &machine, const Running &device)
	{
		const LiveStatus live = device.status();
		Report out = {device.name(), {}, judge_running(machine, device, live)};

		out.drives.push_back(ask_drive(answer, device, live, {.name = out.name, .path = path_of_main(machine, device)}, device.main_number()));
		for (const LiveSpare &spare : live.spares)
			if (!spare.missing())
				out.drives.push_back(ask_drive(answer, device, live, {.name = out.name,
										      .path = path_of_spare(machine, device, live, spare),
										      .spare = spare.number}, spare.device));
		for (const Drive &drive : out.drives) {
			out.judgement.add(judge_drive(drive.health, drive.role));
			if (drive.recovery)
				out.judgement.add({*drive.recovery});
		}
		return out;
	}

	static Drive ask_drive(Answer &answer, const Running &device, const LiveStatus &live, DriveRole role, const std::string &number)
	{
		const std::vector<std::string> below = sysfs::disks_below(number);

		role.disk = sysfs::node(below.size() == 1 ? below.front() : sysfs::disk(number));
		if (below.size() != 1) {
			answer.warn("no-drive", fmt::format("{} lies on {} drives: ask each of them with smartctl", role.path, below.size()));
			return {std::move(role), {}, {}};
		}
		const std::optional<std::string> told = output_of({"smartctl", "--json=c", "-x", role.disk});

		if (!told)
			throw Failure(ExitStatus::failed, "no-smartctl", "there is no smartctl, which speaks to drives: install the package smartmontools");
		Drive drive = {std::move(role), {}, {}};

		try {
			if (DriveHealth health = read_drive_health(*told); !health.protocol.empty())
				drive.health = std::move(health);
		} catch (const Failure &failure) {
			answer.warn("no-answer", fmt::format("{}: {}: is it of version 7 or later, and what does 'smartctl --json -x {}' say?", drive.role.path,
							     failure.what(), drive.role.disk));
		}
		if (!drive.role.spare) {
			drive.role.own_figure = live.moved_away() + live.pending + live.lost;
			drive.role.logged = logged(answer, device, live, *told);
			drive.recovery = look_at_recovery(drive.role.path, [&](const std::string &) { return told; });
		}
		return drive;
	}

	// Sectors of main that its drive's logs name. Of a log that cannot be used for that it is said why.
	static uint64_t logged(Answer &answer, const Running &device, const LiveStatus &live, const std::string &told)
	{
		try {
			const BlockList list = read_smart(told);

			return plan_import(list, list.unit.value_or(live.block_bytes), live.block_bytes,
					   drive_of(device, "its logs are not looked at"), "its logs are not looked at")
				.sectors;
		} catch (const Failure &failure) {
			answer.note(failure.what());
			return 0;
		}
	}

	static void print(Answer &answer, const std::vector<Report> &reports)
	{
		if (reports.empty())
			answer.line("no device runs");
		for (const Report &report : reports) {
			if (&report != &reports.front())
				answer.line("");
			print_judgement(answer, report.name, report.judgement);
			for (const Drive &drive : report.drives)
				print(answer, drive);
		}
	}

	static void print(Answer &answer, const Drive &drive)
	{
		const std::string who = drive.role.spare ? fmt::format("spare {}", *drive.role.spare) : "main";
		const std::string at = drive.role.path == drive.role.disk ? "" : fmt::format(" on {}", drive.role.disk);

		if (!drive.health) {
			answer.line("{:>7}: {}{}: says nothing", who, shown(drive.role.path), at);
			return;
		}
		const DriveHealth &h = *drive.health;
		std::string figures = h.passed ? *h.passed ? "says that it is well" : "says that it is FAILING" : "says nothing of its health";
		const auto figure = [&](const std::optional<uint64_t> &value, const char *format) {
			if (value)
				figures += fmt::format(fmt::runtime(format), *value);
		};

		figure(h.reallocated, ", {} sectors reallocated");
		figure(h.pending, ", {} pending");
		figure(h.uncorrectable, ", {} uncorrectable errors");
		if (h.failed_self_tests)
			figures += fmt::format(", {} failed self-tests", h.failed_self_tests);
		figure(h.wear_percent, ", {} % worn");
		figure(h.temperature, ", {} °C");
		figure(h.hours, ", on for {} h");
		if (h.recovery_deciseconds)
			figures += fmt::format(", gives a sector up after {}.{} s", *h.recovery_deciseconds / 10, *h.recovery_deciseconds % 10);
		answer.line("{:>7}: {}{}, {}{}", who, shown(drive.role.path), at, shown(h.model.empty() ? h.protocol : h.model),
			    h.serial.empty() ? "" : fmt::format(", serial {}", shown(h.serial)));
		answer.line("         {}", figures);
	}

	static void write(JsonWriter &out, const std::vector<Report> &reports)
	{
		out.begin_array("devices");
		for (const Report &report : reports) {
			out.begin_object();
			out.value("name", report.name);
			out.value("state", report.judgement.state);
			write_findings(out, report.judgement);
			out.begin_array("drives");
			for (const Drive &drive : report.drives)
				write(out, drive);
			out.end();
			out.end();
		}
		out.end();
	}

	static void write(JsonWriter &out, const Drive &drive)
	{
		const DriveHealth *const h = drive.health ? &*drive.health : nullptr;
		const auto number = [&](const char *key, std::optional<uint64_t> DriveHealth::*field) {
			out.value(key, h ? h->*field : std::nullopt);
		};
		const auto text = [&](const char *key, std::string DriveHealth::*field) {
			out.value(key, h && !(h->*field).empty() ? std::optional(h->*field) : std::nullopt);
		};

		out.begin_object();
		out.value("spare", drive.role.spare);
		out.value("path", drive.role.path);
		out.value("disk", drive.role.disk);
		text("protocol", &DriveHealth::protocol);
		text("model", &DriveHealth::model);
		text("serial", &DriveHealth::serial);
		out.value("passed", h ? h->passed : std::nullopt);
		out.begin_array("failing", JsonWriter::Style::compact);
		for (size_t i = 0; h && i < h->failing.size(); i++)
			out.value({}, h->failing[i]);
		out.end();
		number("reallocated_sectors", &DriveHealth::reallocated);
		number("pending_sectors", &DriveHealth::pending);
		number("uncorrectable_errors", &DriveHealth::uncorrectable);
		out.value("failed_self_tests", h ? std::optional(h->failed_self_tests) : std::nullopt);
		out.value("logged_sectors", drive.role.spare ? std::nullopt : std::optional(drive.role.logged));
		number("temperature_celsius", &DriveHealth::temperature);
		number("power_on_hours", &DriveHealth::hours);
		number("wear_percent", &DriveHealth::wear_percent);
		number("own_spare_percent", &DriveHealth::spare_percent);
		number("own_spare_threshold_percent", &DriveHealth::spare_threshold);
		number("recovery_deciseconds", &DriveHealth::recovery_deciseconds);
		out.end();
	}

	std::vector<std::string> names_;
	bool test_ = false;
};

} // namespace

std::unique_ptr<Verb> make_smart()
{
	return std::make_unique<Smart>();
}

} // namespace dm_remap::tool
