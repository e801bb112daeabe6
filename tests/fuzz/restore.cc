// SPDX-License-Identifier: GPL-2.0
// Documents for dmremap restore: each is refused with a place and a reason, or is a map that can be written, and is the same when the
// product loads it again.
#include "document.hh"
#include "set_writer.hh"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using namespace dm_remap;
using namespace dm_remap::tool;

// Sets small enough to be written a thousand times a second.
constexpr uint64_t most_area_sectors = 2048, most_sectors = 1u << 20;

[[noreturn]] void complain(const std::string &what)
{
	std::fprintf(stderr, "%s\n", what.c_str());
	std::abort();
}

// A file in memory, as long as it lives.
class Image final {
public:
	explicit Image(uint64_t sectors) : fd_(memfd_create("spare", 0))
	{
		if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(sectors * DMR_SECTOR_SIZE)))
			complain("no file in memory is to be had");
	}
	~Image() { close(fd_); }
	Image(const Image &) = delete;
	Image &operator=(const Image &) = delete;

	MemberName name() const { return {"spare", "/proc/self/fd/" + std::to_string(fd_), {}, {}}; }

private:
	int fd_;
};

bool small(const dmr_setup &setup)
{
	for (const dmr_member_entry &entry : setup.members)
		if (entry.state == DMR_MEMBER_ACTIVE && (entry.data_start > most_area_sectors || entry.sectors > most_sectors))
			return false;
	return true;
}

std::vector<dmr_record> records_of(const ExtentIndex &index)
{
	std::vector<dmr_record> records;
	Extent extent;

	for (MainBlock at; index.first_from(at, extent); at = extent.end())
		records.push_back({extent.start.value, extent.spare.value, static_cast<uint32_t>(extent.length.value),
				   static_cast<uint8_t>(extent.kind), extent.member, 0});
	return records;
}

bool same(const dmr_record &a, const dmr_record &b)
{
	return a.main_block == b.main_block && a.spare_block == b.spare_block && a.length == b.length && a.kind == b.kind &&
	       a.member == b.member;
}

void check_round_trip(Document &document)
{
	const Manners manners;
	Answer answer("fuzz", manners);
	std::vector<std::unique_ptr<Image>> images;
	std::vector<Member> targets, members;
	std::array<const Member *, DMR_MAX_MEMBERS> by_slot = {};

	targets.reserve(DMR_MAX_MEMBERS);
	try {
		for (uint32_t i = 0; i < document.setup.member_count; i++) {
			const dmr_member_entry &entry = document.setup.members[i];

			if (entry.state != DMR_MEMBER_ACTIVE)
				continue;
			images.push_back(std::make_unique<Image>(most_sectors + 256));
			targets.push_back(open_target(images.back()->name(), &entry, document.setup));
			by_slot[i] = &targets.back();
		}
		write_set(document.setup, by_slot, *document.map, document.generation);
	} catch (const Failure &) {
		// Where its spare blocks begin, no range has them.
		return;
	}
	for (const std::unique_ptr<Image> &image : images)
		members.push_back(open_member(image->name()));
	SetReader set(std::move(members), answer);

	set.load();
	const std::vector<dmr_record> written = records_of(document.map->index()), found = records_of(set.map().index());

	if (set.generation() != document.generation || set.setup().generation != document.setup.generation)
		complain("another generation");
	if (written.size() != found.size() || !std::equal(written.begin(), written.end(), found.begin(), same))
		complain("another map");
	if (set.map().spares().bad_runs() != document.map->spares().bad_runs())
		complain("other bad blocks");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	// What the verbs warn of is not of interest.
	static const bool quiet = std::freopen("/dev/null", "w", stdout) != nullptr;
	const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(fmemopen(const_cast<uint8_t *>(data), size, "r"), std::fclose);
	std::unique_ptr<Document> document;

	if (!file || !quiet)
		return 0;
	try {
		document = read_document(file.get());
	} catch (const Failure &failure) {
		if (failure.id() != "document" || failure.what()[0] != '$')
			complain(std::string("refused without a place: ") + failure.what());
		return 0;
	}
	if (small(document->setup))
		check_round_trip(*document);
	return 0;
}
