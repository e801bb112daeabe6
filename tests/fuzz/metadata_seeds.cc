// SPDX-License-Identifier: GPL-2.0
// The seeds of fuzz_metadata, as the engine itself wrote them: metadata_seeds <folder>.
#include "metadata_image.hh"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

namespace {

using namespace dm_remap;
using namespace dm_remap::fuzz;

// A device over an input's disks, and what happens to it. Written are zeroes, which the seed need not hold.
class Story final {
public:
	explicit Story(uint8_t spares, uint8_t flags = 0) : table({.spares = static_cast<uint8_t>(spares - 1), .flags = flags})
	{
		m_ = std::make_unique<Machine>(table, 1);
	}

	void create()
	{
		if (m_->device.create(m_->line(table)))
			give_up(m_->device.reason());
	}
	void remove() { m_->device.remove(); }
	void restart()
	{
		remove();
		create();
	}
	// Commits that map or mark so many blocks of main, each another one.
	void remap(uint32_t n)
	{
		const uint32_t sectors = table.block_sectors();

		for (; n; n--, next_ += 3 * sectors) {
			m_->main.fail(next_, sectors);
			m_->device.write(next_, data_, sectors);
		}
	}
	void make_pending()
	{
		m_->main.fail(next_, 8);
		m_->device.read(next_, data_, 8);
		next_ += 24;
	}
	// The power goes while this is done, at the k-th point of a write: it begins, or it is over and nobody knows. Of what
	// was not flushed then every other sector is kept.
	void cut(uint64_t k, const std::function<void()> &done)
	{
		m_->world.cut_after(k);
		if (m_->world.run_fiber("cut", done) != host::Stop::PowerCut)
			give_up("the power did not go");
		const auto survives = [](const host::Unflushed &block) { return block.sector % 2 ? block.versions : 0; };

		for (host::SimDisk &spare : m_->spares)
			spare.power_cut(survives);
		m_->main.power_cut(survives);
		m_->world.reboot();
	}
	host::SimDisk &spare(uint32_t i) { return m_->spares[i]; }
	host::MappedDevice &device() { return m_->device; }

	Image image()
	{
		Image image = {table, {}};

		image.take_from(*m_);
		return image;
	}

	Table table;

private:
	[[noreturn]] static void give_up(const std::string &why)
	{
		std::fprintf(stderr, "metadata_seeds: %s\n", why.c_str());
		std::exit(1);
	}

	std::unique_ptr<Machine> m_;
	uint8_t data_[8 * format::sector_bytes] = {};	// not a fiber's, which a power cut does not clean up
	uint64_t next_ = 8;
};

struct Seed {
	const char *name;
	uint8_t spares;
	uint8_t flags;
	void (*tell)(Story &);
};

constexpr Seed seeds[] = {
	{"blank", 2, Table::format, [](Story &) {}},
	{"empty", 1, 0, [](Story &s) { s.create(); s.remove(); }},
	{"log", 1, 0, [](Story &s) { s.create(); s.remap(2); s.make_pending(); s.remove(); }},
	{"read_only", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(1);
		 s.make_pending();
		 s.remove();
		 s.table.flags = Table::read_only;
	 }},
	{"big_blocks", 1, Table::blocks_of_4096, [](Story &s) { s.create(); s.remap(3); s.remove(); }},
	// Both checkpoints have a body, and the log is in its third half.
	{"wrapped", 1, 0, [](Story &s) { s.create(); s.remap(14); s.remove(); }},
	{"bad_spare", 1, 0, [](Story &s) {
		 s.create();
		 s.spare(0).fail(256, 4, host::Fault::unwritable());
		 s.remap(3);
		 s.remove();
	 }},
	{"torn", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.cut(9, [&] { s.remap(1); });
	 }},
	{"half_formatted", 1, 0, [](Story &s) { s.cut(17, [&] { s.create(); }); }},
	{"half_a_checkpoint", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(5);
		 s.cut(15, [&] { s.remap(1); });
	 }},
	{"three", 3, 0, [](Story &s) { s.create(); s.remap(7); s.remove(); }},
	// Dropped while it was away, and back again.
	{"stale", 2, 0, [](Story &s) {
		 s.create();
		 s.remap(1);
		 s.spare(1).set_gone(true);
		 s.remap(2);
		 s.remove();
		 s.spare(1).set_gone(false);
	 }},
	{"missing", 2, Table::degraded, [](Story &s) {
		 s.create();
		 s.remap(1);
		 s.remove();
		 s.table.missing = 1;
		 s.table.flags |= Table::force;
		 s.create();
		 s.remap(1);
		 s.remove();
	 }},
	// Each was started without the other.
	{"diverged", 2, Table::degraded | Table::force, [](Story &s) {
		 s.create();
		 s.remove();
		 for (const uint8_t missing : {1, 2}) {
			 s.table.missing = missing;
			 s.create();
			 s.remap(1);
			 s.remove();
		 }
		 s.table.missing = 0;
	 }},
	{"joining", 1, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.cut(31, [&] { s.device().add_spare(s.spare(1), 0, spare_sectors); });
		 s.table.spares = 1;
	 }},
	// The first one of the table, which is the second disk.
	{"forgotten", 2, 0, [](Story &s) {
		 s.table.rotate = 1;
		 s.create();
		 s.remap(3);
		 s.remove();
		 s.table.flags = Table::degraded | Table::force;
		 s.table.missing = 2;
		 s.create();
		 s.device().forget_spare(0, true);
		 s.remap(1);
		 s.remove();
		 s.table = {};
	 }},
	{"removed", 2, 0, [](Story &s) {
		 s.create();
		 s.remap(2);
		 s.device().remove_spare(s.spare(1), 0);
		 s.remap(1);
		 s.remove();
		 s.table.spares = 0;
	 }},
};

} // namespace

// A power cut leaves what a fiber's stack pointed to.
extern "C" const char *__asan_default_options()
{
	return "detect_stack_use_after_return=0:detect_leaks=0";
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		std::fprintf(stderr, "usage: metadata_seeds <folder>\n");
		return 2;
	}
	for (const Seed &seed : seeds) {
		Story story(seed.spares, seed.flags);

		seed.tell(story);
		Image image = story.image();
		// Some writes more after it was loaded.
		image.table.writes = 3;
		image.table.where = 100;
		const Bytes bytes = image.serialize();
		std::ofstream file(std::string(argv[1]) + "/" + seed.name, std::ios::binary);

		file.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
		if (!file.flush()) {
			std::fprintf(stderr, "metadata_seeds: cannot write %s/%s\n", argv[1], seed.name);
			return 1;
		}
		std::printf("%-20s %zu bytes\n", seed.name, bytes.size());
	}
	return 0;
}
