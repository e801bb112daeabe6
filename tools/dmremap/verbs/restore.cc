// SPDX-License-Identifier: GPL-2.0
// restore FILE --spare DEV...: a dump, back onto spares. Same set, same extents, same generation.
#include "document.hh"
#include "set_writer.hh"
#include "verbs.hh"

#include <cerrno>
#include <system_error>

namespace dm_remap::tool {

namespace {

class Restore final : public Verb {
public:
	const char *name() const override { return "restore"; }
	const char *summary() const override { return "write the map of a dump onto blank spares"; }

	void options(Options &o) override
	{
		o.one("file", file_, Takes::file, "FILE", "what dump has written; - for standard input");
		o.required();
		o.several("--spare", names_, Takes::device, "DEV[@START[+SECTORS]]...",
			  "a blank spare for each active one of the document, in its order; - for one that is missing");
		o.required();
		o.flag("--keep-data", keep_data_, "the spare blocks are there already: only the metadata area has to be blank");
	}

	int run(Answer &answer) override
	{
		const std::unique_ptr<Document> document = read();
		const dmr_setup &setup = document->setup;
		const uint64_t mapped = document->map->index().mapped().value * BlockSize(setup.main.block_bytes).sectors();

		open(setup, answer);
		if (mapped && !keep_data_)
			answer.confirm(fmt::format("A dump holds no data: {} sectors of main live on spare blocks, and will read as zeroes where the "
						   "spares are blank. If the blocks are there still, give --keep-data.",
						   mapped));
		if (!answer.manners().dry_run)
			write_set(setup, targets_, *document->map, document->generation);
		report(answer, *document);
		return static_cast<int>(ExitStatus::done);
	}

private:
	std::unique_ptr<Document> read() const
	{
		if (file_ == "-")
			return read_document(stdin);
		const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(file_.c_str(), "re"), std::fclose);

		if (!file)
			throw std::system_error(errno, std::generic_category(), file_);
		return read_document(file.get());
	}

	void open(const dmr_setup &setup, Answer &answer)
	{
		std::vector<uint32_t> slots;

		for (uint32_t i = 0; i < setup.member_count; i++)
			if (setup.members[i].state == DMR_MEMBER_ACTIVE)
				slots.push_back(i);
		if (slots.size() != names_.size())
			throw Failure(ExitStatus::usage, "usage",
				      fmt::format("the document has {} active spares, {} were named: name as many, in its order, - for one that is "
						  "missing",
						  slots.size(), names_.size()));
		members_.reserve(slots.size());
		for (size_t i = 0; i < slots.size(); i++) {
			const dmr_member_entry &entry = setup.members[slots[i]];

			if (names_[i] == "-") {
				answer.warn("missing", fmt::format("spare {} is left out: a start without it needs 'degraded' and 'force'", slots[i]));
				continue;
			}
			members_.push_back(open_target(MemberName::parse(names_[i]), &entry, setup));
			refuse_overlap(members_.back(), {members_.data(), members_.size() - 1});
			if (keep_data_)
				refuse_unless_area_blank(members_.back(), entry, answer);
			else
				refuse_unless_blank(members_.back(), answer);
			targets_[slots[i]] = &members_.back();
		}
		if (members_.empty())
			throw Failure(ExitStatus::usage, "usage", "no spare is named");
	}

	void report(Answer &answer, const Document &document) const
	{
		if (answer.as_json()) {
			answer.json().value("set", uuid_text(document.setup.set_uuid));
			answer.json().value("generation", document.generation);
			answer.json().value("extents", document.map->index().extents());
			answer.json().value("written", !answer.manners().dry_run);
			return;
		}
		answer.line("set {}: {} extents of generation {} {}", uuid_text(document.setup.set_uuid), document.map->index().extents(),
			    document.generation, answer.manners().dry_run ? "would be written" : "are written");
	}

	std::string file_;
	std::vector<std::string> names_;
	bool keep_data_ = false;
	std::vector<Member> members_;
	std::array<const Member *, DMR_MAX_MEMBERS> targets_ = {};
};

} // namespace

std::unique_ptr<Verb> make_restore()
{
	return std::make_unique<Restore>();
}

} // namespace dm_remap::tool
