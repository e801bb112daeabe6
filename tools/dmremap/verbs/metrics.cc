// SPDX-License-Identifier: GPL-2.0
// metrics [--textfile DIR]: all devices and sets of this machine as one Prometheus document.
#include "health/sampling.hh"
#include "machine/machine.hh"
#include "monitoring/collect.hh"
#include "monitoring/exposition.hh"
#include "os/new_file.hh"
#include "sysfs.hh"
#include "verbs.hh"

#include <filesystem>
#include <sys/stat.h>

namespace dm_remap::tool {

namespace {

namespace fs = std::filesystem;

class Metrics final : public Verb {
public:
	const char *name() const override { return "metrics"; }
	const char *summary() const override { return "say how all devices and sets are, to Prometheus"; }

	void options(Options &o) override
	{
		o.one("--textfile", folder_, Takes::file, "DIR", "into DIR/dm_remap.prom, for node_exporter's textfile collector; nothing to watch: that file goes");
	}

	int run(Answer &answer) override
	{
		if (!folder_.empty() && !fs::is_directory(folder_))
			throw Failure(ExitStatus::not_found, "no-folder",
				      fmt::format("{}: there is no such folder; it is what node_exporter has in --collector.textfile.directory", shown(folder_)));
		const Machine machine(answer);
		// Half of it might be taken for all.
		if (sysfs::module_loaded("dm_remap"))
			machine.must_know_what_runs();
		const MachineFacts facts = collect(machine);
		const std::string text = exposition(facts);
		const bool write = !folder_.empty() && !facts.nothing();
		const char *result = folder_.empty() ? "printed" : write ? "written" : "removed";

		if (!answer.manners().dry_run)
			record(answer, facts);
		if (!folder_.empty() && !answer.manners().dry_run)
			write ? write_text(text) : remove_file();
		if (answer.as_json()) {
			answer.json().word("result", answer.manners().dry_run ? "nothing" : result);
			answer.json().value("path", folder_.empty() ? std::nullopt : std::optional(path()));
			answer.json().value("text", text);
		} else if (folder_.empty()) {
			answer.text(text);
		} else if (answer.manners().dry_run) {
			answer.line("{} would be {}", shown(path()), result);
		}
		return static_cast<int>(ExitStatus::done);
	}

private:
	std::string path() const { return fs::path(folder_) / "dm_remap.prom"; }

	// node_exporter is another user. It reads names in .prom alone, and so nothing that is half there.
	void write_text(const std::string &text) const
	{
		umask(S_IWGRP | S_IWOTH);
		NewFile file(path(), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);

		std::fwrite(text.data(), 1, text.size(), file.file());
		file.keep(NewFile::Durable::no);
	}

	// It would be told for ever.
	void remove_file() const { fs::remove(path()); }

	std::string folder_;
};

} // namespace

std::unique_ptr<Verb> make_metrics()
{
	return std::make_unique<Metrics>();
}

} // namespace dm_remap::tool
