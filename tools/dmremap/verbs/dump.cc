// SPDX-License-Identifier: GPL-2.0
// dump DEV... [-o FILE]: all that the metadata of a set says, as one JSON document that restore takes back.
#include "entry_text.hh"
#include "set_reader.hh"
#include "setup_text.hh"
#include "verbs.hh"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

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

// A file that is there whole, or not at all.
class NewFile final {
public:
	explicit NewFile(const std::string &path) : path_(path), made_(path + ".XXXXXX")
	{
		const int fd = mkostemp(made_.data(), O_CLOEXEC);

		const mode_t mask = umask(0);

		umask(mask);
		if (fd < 0 || fchmod(fd, 0666 & ~mask) || !(file_ = fdopen(fd, "w")))
			throw std::system_error(errno, std::generic_category(), path);
	}
	~NewFile()
	{
		if (file_)
			std::fclose(file_);
		unlink(made_.c_str());
	}
	NewFile(const NewFile &) = delete;
	NewFile &operator=(const NewFile &) = delete;

	std::FILE *file() { return file_; }
	void keep()
	{
		const bool written = !std::fflush(file_) && !fsync(fileno(file_));

		if (!written || std::fclose(std::exchange(file_, nullptr)) || rename(made_.c_str(), path_.c_str()))
			throw std::system_error(errno, std::generic_category(), path_);
	}

private:
	std::string path_, made_;
	std::FILE *file_ = nullptr;
};

class Dump final : public Verb {
public:
	const char *name() const override { return "dump"; }
	const char *summary() const override { return "write the whole map and setup as a JSON document"; }
	bool always_json() const override { return file_.empty(); }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...", "the spares of a set, or images of them");
		o.required();
		o.one("-o,--output", file_, Takes::file, "FILE", "write it there instead of to stdout");
	}

	int run(Answer &answer) override
	{
		SetReader set(open_members(names_), answer);

		set.load();
		if (set.held())
			answer.warn("in-use", "a spare is in use: what changed while it was read may be missing; 'dmsetup suspend' holds it still");
		if (file_.empty()) {
			write_dump(answer.json(), set);
			return static_cast<int>(ExitStatus::done);
		}
		if (!answer.manners().dry_run)
			write_file(set);
		report(answer, set);
		return static_cast<int>(ExitStatus::done);
	}

private:
	void write_file(const SetReader &set)
	{
		NewFile file(file_);
		Manners manners;

		manners.json = true;
		Answer document("dump", manners, file.file());

		write_dump(document.json(), set);
		document.done();
		file.keep();
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
};

} // namespace

std::unique_ptr<Verb> make_dump()
{
	return std::make_unique<Dump>();
}

} // namespace dm_remap::tool
