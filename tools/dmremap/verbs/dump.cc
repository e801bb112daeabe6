// SPDX-License-Identifier: GPL-2.0
// dump DEV... [-o FILE]: all that the metadata of a set says, as one JSON document that restore takes back.
#include "os/new_file.hh"
#include "set_reader.hh"
#include "setup_text.hh"
#include "verbs.hh"

#include <cerrno>
#include <sys/stat.h>
#include <system_error>

namespace dm_remap::tool {

namespace {

void write_dump(JsonWriter &out, const SetReader &set)
{
	uint64_t bad_runs = 0;

	set.each_bad([&](const dmr_spare_extent &) { bad_runs++; });
	out.begin_object("set");
	write_setup(out, set.setup());
	out.end();
	out.begin_array("sources");
	for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++) {
		if (!set.member(slot))
			continue;
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("number", slot);
		out.value("path", set.member(slot)->path());
		out.value("start", set.ranges()[slot].start);
		out.end();
	}
	out.end();
	out.value("generation", set.generation());
	out.begin_object("totals", JsonWriter::Style::compact);
	out.value("extents", set.map().index().extents());
	out.value("mapped_blocks", set.map().index().mapped().value);
	out.value("pending_blocks", set.map().index().pending().value);
	out.value("lost_blocks", set.map().index().lost().value);
	out.value("bad_runs", bad_runs);
	out.end();
	out.begin_array("extents");
	set.each_extent([&](const Extent &extent) {
		out.begin_object({}, JsonWriter::Style::compact);
		out.word("kind", kind_text(extent.kind));
		out.value("main_block", extent.start.value);
		out.value("blocks", extent.length.value);
		if (extent.kind == ExtentKind::mapped) {
			out.value("spare", extent.member);
			out.value("spare_block", extent.spare.value);
		}
		if (extent.guarded)
			out.value("guarded", 1);
		out.end();
	});
	out.end();
	out.begin_array("bad");
	set.each_bad([&](const dmr_spare_extent &bad) {
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("spare", bad.member);
		out.value("spare_block", bad.block);
		out.value("blocks", bad.length);
		out.end();
	});
	out.end();
}

class Dump final : public Verb {
public:
	const char *name() const override { return "dump"; }
	const char *summary() const override { return "write the whole map and setup as a JSON document"; }
	bool always_json() const override { return to_stdout(); }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...", "the spares of a set, or images of them");
		o.required();
		o.one("-o,--output", file_, Takes::file, "FILE", "write it there instead of to stdout, which is also -");
	}

	int run(Answer &answer) override
	{
		SetReader set(open_members(names_), answer);

		set.load();
		if (set.held())
			answer.warn("in-use", "a spare is in use: what changed while it was read may be missing; 'dmsetup suspend' holds it still");
		if (to_stdout()) {
			write_dump(answer.json(), set);
			return static_cast<int>(ExitStatus::done);
		}
		look_at_file(set);
		if (!answer.manners().dry_run)
			write_file(set);
		report(answer, set);
		return static_cast<int>(ExitStatus::done);
	}

private:
	bool to_stdout() const { return file_.empty() || file_ == "-"; }

	// A new file would take the place of what is there.
	void look_at_file(const SetReader &set)
	{
		struct stat there = {};

		if (stat(file_.c_str(), &there))
			return;
		for (uint32_t slot = 0; slot < DMR_MAX_MEMBERS; slot++)
			if (const Member *member = set.member(slot);
			    member && member->device->number() == there.st_dev && member->device->inode() == there.st_ino)
				throw Failure(ExitStatus::would_lose, "same-device",
					      fmt::format("{} is what is read: name another file", shown(file_)));
		if (S_ISBLK(there.st_mode))
			throw Failure(ExitStatus::would_lose, "not-blank", fmt::format("{} is a block device: name a file", shown(file_)));
		as_it_is_ = S_ISCHR(there.st_mode) || S_ISFIFO(there.st_mode);
	}

	void write_file(const SetReader &set)
	{
		if (!as_it_is_) {
			NewFile file(file_, 0666);

			write_to(file.file(), set);
			return file.keep();
		}
		const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(file_.c_str(), "we"), std::fclose);

		if (!file)
			throw std::system_error(errno, std::generic_category(), file_);
		write_to(file.get(), set);
	}

	static void write_to(std::FILE *file, const SetReader &set)
	{
		Manners manners;

		manners.json = true;
		Answer document("dump", manners, file);

		write_dump(document.json(), set);
		document.done();
	}

	void report(Answer &answer, const SetReader &set)
	{
		const uint64_t extents = set.map().index().extents();

		if (answer.as_json()) {
			answer.json().value("file", file_);
			answer.json().value("generation", set.generation());
			answer.json().value("extents", extents);
		} else {
			answer.line("{}: {} extents, generation {}, of set {}", shown(file_), extents, set.generation(),
				    uuid_text(set.setup().set_uuid));
		}
	}

	std::vector<std::string> names_;
	std::string file_;
	bool as_it_is_ = false;	// a pipe, a terminal, /dev/null: no new file takes its place
};

} // namespace

std::unique_ptr<Verb> make_dump()
{
	return std::make_unique<Dump>();
}

} // namespace dm_remap::tool
