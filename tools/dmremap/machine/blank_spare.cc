// SPDX-License-Identifier: GPL-2.0
#include "machine/blank_spare.hh"

#include "machine/disk_care.hh"
#include "machine/signature.hh"
#include "machine/starter.hh"
#include "sysfs.hh"

#include <charconv>

namespace dm_remap::tool {

namespace {

uint64_t attribute(const std::string &number, const char *file)
{
	const std::string text = sysfs::attribute(number, file);
	uint64_t value = 0;

	std::from_chars(text.data(), text.data() + text.size(), value);
	return value;
}

[[noreturn]] void not_blank(const Member &spare, const std::string &what, const std::string &remedy)
{
	throw Failure(ExitStatus::would_lose, "not-blank", fmt::format("{}: {}; {}", spare.path(), what, remedy));
}

// What formatting it would cost; empty: nothing.
std::string content_of(const Member &spare)
{
	const std::vector<DiskSignature> found = signatures_on(spare.name.path, spare.range.start, spare.range.sectors);

	if (!found.empty())
		return "it holds " + found.front().text();
	// A member, that is one which was joining.
	return spare.probe.verdict == DMR_PROBE_BLANK || spare.is_member() ? std::string() : what_is_on(spare);
}

void warn(const std::optional<Finding> &finding, Answer &answer)
{
	if (finding)
		answer.warn(finding->id, fmt::format("{}: {}", finding->text, finding->action));
}

void warn_of_alignment(const std::string &number, const std::string &path, uint64_t start, Answer &answer)
{
	const uint64_t physical = attribute(number, "queue/physical_block_size");

	if (attribute(number, "alignment_offset") || (physical && start * DMR_SECTOR_SIZE % physical))
		answer.warn("misaligned", fmt::format("{} does not begin with a physical block of {} bytes: writes will be slow, and one that fails takes "
						      "a neighbour with it",
						      path, physical));
}

} // namespace

namespace {

// What is on it is still to be judged.
Member open_spare(const std::string &given, uint32_t block_bytes)
{
	const MemberName name = MemberName::parse(given);
	Member spare = open_member(name);

	if (!spare.device->block_device())
		throw Failure(ExitStatus::failed, "not-a-device",
			      fmt::format("{0}: a spare has to be a block device; 'losetup --find --show {0}' gives the file one", name.path));
	refuse_if_used(name.path, true);
	if (!spare.unreadable.empty())
		throw Failure(ExitStatus::failed, "unreadable", spare.unreadable);
	if (spare.probe.verdict == DMR_PROBE_MEMBER && spare.own().state != DMR_MEMBER_JOINING)
		not_blank(spare, fmt::format("{}, called '{}'", what_is_on(spare), shown(spare.setup().name)),
			  "'dmremap open' starts that one; name another spare, or, if that set is given up, see 'using the spare again' in "
			  "docs/administration.md");
	if (spare.probe.verdict == DMR_PROBE_UNSUPPORTED || spare.probe.verdict == DMR_PROBE_AMBIGUOUS)
		not_blank(spare, what_is_on(spare), "name another spare");
	if (!name.sectors) {
		const uint64_t block = block_bytes / DMR_SECTOR_SIZE;

		spare.range.sectors = (spare.device->sectors() - spare.range.start) / block * block;
	}
	return spare;
}

} // namespace

Member open_blank_spare(const std::string &given, uint32_t block_bytes)
{
	Member spare = open_spare(given, block_bytes);
	const std::string content = content_of(spare);

	if (spare.probe.verdict == DMR_PROBE_DAMAGED)
		not_blank(spare, content, "make an image of it, and see what 'dmremap check' says of that, before you zero it");
	if (!content.empty())
		not_blank(spare, content,
			  fmt::format("name another spare; to lose that, zero it first: 'blkdiscard -z -o {} -l {} {}'",
				      spare.range.start * DMR_SECTOR_SIZE, spare.range.sectors * DMR_SECTOR_SIZE, spare.name.path));
	return spare;
}

Member open_spare_to_format(const std::string &given, uint32_t block_bytes, std::string &lost)
{
	Member spare = open_spare(given, block_bytes);

	if (const std::string content = content_of(spare); !content.empty())
		lost += fmt::format("{}: {}, which is lost. ", spare.path(), content);
	return spare;
}

void warn_of_main(const std::string &main, Answer &answer)
{
	warn(look_at_cache(main, true), answer);
	warn_of_alignment(sysfs::number(main), main, 0, answer);
}

void warn_of_spare(const std::string &main, const Member &spare, Answer &answer)
{
	const std::string number = sysfs::number(spare.name.path);

	warn_of_alignment(number, spare.path(), spare.range.start, answer);
	warn(look_at_place(sysfs::number(main), number, spare.path()), answer);
}

} // namespace dm_remap::tool
