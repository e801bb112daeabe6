// SPDX-License-Identifier: GPL-2.0
// A set with many extents: cli_large <folder> <extents> [<spares>] writes <folder>/spare0.img and so on, as formatting, checkpoints and
// a few commits leave it.
#include "os/device.hh"

#include "metadata/store.hh"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

namespace {

using namespace dm_remap;

[[noreturn]] void give_up(const std::string &why)
{
	std::fprintf(stderr, "cli_large: %s\n", os::name_paths(why).c_str());
	std::exit(1);
}

// Extents of one to three blocks of main, apart from each other; every hundredth is pending. They go to the spares in turn.
class Extents final {
public:
	Extents(uint64_t count, uint32_t spares, const dmr_setup &setup) : count_(count), spares_(spares), setup_(setup) { reset(); }

	dmr_record_source source()
	{
		return {this, [](void *p) { static_cast<Extents *>(p)->reset(); },
			[](void *p, dmr_record *out, uint32_t max) { return static_cast<Extents *>(p)->next(out, max); }, count_};
	}

private:
	void reset()
	{
		done_ = 0;
		for (uint32_t i = 0; i < spares_; i++)
			free_[i] = setup_.members[i].data_start;
	}

	uint32_t next(dmr_record *out, uint32_t max)
	{
		uint32_t n = 0;

		for (; n < max && done_ < count_; n++, done_++) {
			const uint32_t length = static_cast<uint32_t>(1 + done_ % 3), spare = static_cast<uint32_t>(done_ % spares_);

			if (done_ % 100 == 99) {
				out[n] = {done_ * 4, 0, length, DMR_RECORD_PENDING, 0, 0};
				continue;
			}
			out[n] = {done_ * 4, free_[spare], length, DMR_RECORD_MAP, static_cast<uint8_t>(spare), 0};
			free_[spare] += length + 1;
		}
		return n;
	}

	uint64_t count_, done_ = 0;
	uint32_t spares_;
	const dmr_setup &setup_;
	uint64_t free_[DMR_MAX_MEMBERS] = {};
};

void write_large(const std::filesystem::path &folder, uint64_t extents, uint32_t spares)
{
	std::vector<std::unique_ptr<dmr_device>> disks;
	std::vector<dmr_member_range> ranges;
	auto setup = std::make_unique<dmr_setup>();
	auto store = std::make_unique<metadata::Store>();
	char text[DMR_REASON_SIZE] = "";
	metadata::Reason reason(text);
	// A quarter for the metadata, the rest for four blocks an extent.
	const uint64_t sectors = std::max<uint64_t>(65536, extents * 6) / 8 * 8;

	*setup = {};
	std::filesystem::create_directories(folder);
	for (uint32_t i = 0; i < spares; i++) {
		const std::filesystem::path path = folder / ("spare" + std::to_string(i) + ".img");

		std::ofstream(path, std::ios::binary | std::ios::trunc).close();
		std::filesystem::resize_file(path, sectors * DMR_SECTOR_SIZE);
		disks.push_back(std::make_unique<dmr_device>(path, os::Access::write));
		ranges.push_back({disks.back().get(), 0, sectors});
		setup->members[i].uuid[0] = static_cast<uint8_t>(i + 1);
		setup->members[i].sectors = sectors;
		setup->members[i].state = DMR_MEMBER_ACTIVE;
		std::snprintf(setup->members[i].identity, DMR_IDENTITY_SIZE, "wwid:spare%u", i);
	}
	setup->set_uuid[0] = 0x5e;
	setup->branch[0] = 0xb0;
	setup->created = 1700000000;
	setup->main.sectors = std::max<uint64_t>(2048, extents * 4);
	setup->main.block_bytes = 512;
	std::snprintf(setup->main.identity, DMR_IDENTITY_SIZE, "wwid:main");
	std::snprintf(setup->name, DMR_NAME_SIZE, "large");
	setup->member_count = spares;
	setup->read_retries = 3;
	if (metadata::lay_out(ranges, std::max<uint64_t>(extents, 1), *setup, reason) ||
	    store->init({nullptr, ranges.data(), spares, false, setup.get()}, reason) || store->format(reason))
		give_up(text);
	Extents source(extents, spares, *setup);

	// As in a set that is in use, both checkpoints are full, and the log has begun.
	for (int i = 0; i < 2; i++)
		if (store->checkpoint(source.source()))
			give_up("the checkpoint was not written");
	const dmr_record pending = {1, 0, 1, DMR_RECORD_PENDING, 0, 0}, clear = {1, 0, 1, DMR_RECORD_CLEAR, 0, 0};

	for (const dmr_record &record : {pending, clear})
		if (extents && store->append({&record, 1}))
			give_up("a record was not written");
	store->destroy();
}

} // namespace

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4) {
		std::fprintf(stderr, "usage: cli_large <folder> <extents> [<spares>]\n");
		return 2;
	}
	write_large(argv[1], std::strtoull(argv[2], nullptr, 10), argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 2);
	return 0;
}
