// SPDX-License-Identifier: GPL-2.0
// Sets as the engine itself leaves them, after all that can happen to one: seeds of fuzz_metadata, and what the tool is tested on.
#ifndef DMR_TESTS_FUZZ_METADATA_STORY_HH
#define DMR_TESTS_FUZZ_METADATA_STORY_HH

#include "metadata_image.hh"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace dm_remap::fuzz {

// A device over an input's disks, and what happens to it. Written are zeroes, which a seed need not hold, unless told otherwise.
class Story final {
public:
	// fill: each byte that is written. number: which UUIDs are drawn.
	explicit Story(uint8_t spares, uint8_t flags = 0, uint8_t fill = 0, uint64_t number = 1)
		: table({.spares = static_cast<uint8_t>(spares - 1), .flags = flags})
	{
		m_ = std::make_unique<Machine>(table, number);
		std::fill(std::begin(data_), std::end(data_), fill);
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
	// Sectors that nothing else here meets.
	void guard()
	{
		int err = 0;

		m_->device.message({"guard", "0", "8"}, &err);
		if (err)
			give_up(m_->device.reason());
		m_->world.run_until([&] { return m_->device.active()->instance().events[DMR_EVENT_JOB_ENDED] > 0; });
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
	host::SimDisk &main() { return m_->main; }
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
		std::fprintf(stderr, "metadata story: %s\n", why.c_str());
		std::exit(1);
	}

	std::unique_ptr<Machine> m_;
	uint8_t data_[8 * format::sector_bytes] = {};	// not a fiber's, which a power cut does not clean up
	uint64_t next_ = 8;
};

// What happened to a set, by name.
struct Seed {
	const char *name;
	uint8_t spares;
	uint8_t flags;
	void (*tell)(Story &);
};

std::span<const Seed> seeds();

} // namespace dm_remap::fuzz

#endif
