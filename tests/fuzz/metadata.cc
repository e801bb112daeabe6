// SPDX-License-Identifier: GPL-2.0
// Loading from whatever lies on the spares, as the constructor and preresume do: nothing goes wrong, what is refused is not
// touched, what is accepted serves, and is accepted again with the same map.
#include "argv.hh"
#include "metadata_image.hh"

#include <dm_remap/spare_pool.h>

#include "host/advice.hh"

#include <algorithm>
#include <string>

namespace {

using namespace dm_remap;
using namespace dm_remap::fuzz;

[[noreturn]] void complain(const char *what, const std::string &text)
{
	std::fprintf(stderr, "%s: %s\n", what, text.c_str());
	std::abort();
}

void check_world(host::World &world)
{
	for (const std::string &text : world.take_violations())
		complain("violation", text);
}

// What happened, for a person who looks at one input: with DMR_FUZZ_TELL in the environment.
void tell(Machine &m, const char *what)
{
	static const bool wanted = std::getenv("DMR_FUZZ_TELL");

	if (!wanted)
		return;
	for (const std::string &line : m.world.logs)
		std::fprintf(stderr, "  %s\n", line.c_str());
	std::fprintf(stderr, "%s%s\n", what, m.device.reason().c_str());
	m.world.logs.clear();
}

bool written(const host::SimDisk &disk)
{
	return disk.counts().writes || disk.counts().discards;
}

void check_refusal(Machine &m, int err)
{
	const std::string &text = m.device.reason();

	DMR_CHECK(err < 0);
	DMR_CHECK(!text.empty() && text.size() < DMR_REASON_SIZE - 1); // one that fills the buffer was cut off
	DMR_CHECK(host::keeps_before_it_loses(text));
	// A name may be of any language.
	for (const char c : text)
		DMR_CHECK(static_cast<uint8_t>(c) >= 0x20 && c != 0x7f);
	DMR_CHECK(!written(m.main));
	for (const host::SimDisk &spare : m.spares)
		DMR_CHECK(!written(spare));
}

// The constructor reads all that preresume does: nothing has changed between them.
bool start(Machine &m, const host::TableOptions &line)
{
	const int err = m.device.load(line);

	if (err) {
		tell(m, "refused: ");
		check_refusal(m, err);
		return false;
	}
	if (m.device.resume())
		complain("the constructor accepted what preresume refuses", m.device.reason());
	tell(m, "accepted");
	return true;
}

// What was accepted once is accepted again; unless an image said that its set had reached, in 2^61 starts, the last generation
// that one may start from.
bool restart(Machine &m, const host::TableOptions &line)
{
	if (m.device.create(line)) {
		if (!m.device.reason().starts_with("the set's generation"))
			complain("accepted before, and refused now", m.device.reason());
		return false;
	}
	tell(m, "accepted again");
	return true;
}

// Whatever sizes an image speaks of: what it can make us keep is bounded by its own length, and that is small here. (Of a
// longer one: what is said of missing spares takes DMR_POOL_MISSING_BYTES at most.)
constexpr uint64_t memory_bound = 4 << 20;
static_assert(memory_bound <= DMR_POOL_MISSING_BYTES);

void check_memory(Machine &m)
{
	const uint64_t most = m.world.memory().most_bytes();

	if (most > memory_bound)
		complain("bytes of memory at a time", std::to_string(most));
}

void stop(Machine &m)
{
	check_memory(m);
	DMR_CHECK(m.device.remove() == 0);
	m.world.check_no_leaks();
	check_world(m.world);
}

struct Served {
	uint16_t where;
	const dmr_device *dev;
	uint64_t sector;

	bool operator==(const Served &) const = default;
};

// Sector by sector.
std::vector<Served> map_of(Machine &m)
{
	const host::RcuGuard guard;
	const dmr_engine *engine = m.device.active()->engine();
	const uint64_t end = m.device.active()->options().sectors;
	std::vector<Served> map;

	while (map.size() < end) {
		const uint64_t at = map.size();
		const dmr_route route = dmr_engine_route(engine, DMR_OP_READ, at, static_cast<uint32_t>(end - at));

		DMR_CHECK(route.sectors && route.sectors <= end - at);
		for (uint32_t i = 0; i < route.sectors; i++) {
			Served served = {route.where, nullptr, 0};

			if (route.where == DMR_WHERE_SPARE)
				served = {route.where, dmr_engine_member_device(engine, route.member), route.sector + i};
			if (route.where == DMR_WHERE_MAIN)
				DMR_CHECK(route.sector == at);
			DMR_CHECK(served.sector < spare_sectors);
			map.push_back(served);
		}
	}
	return map;
}

// The message lists what serves, each sector once.
void check_list(Machine &m, const std::vector<Served> &map)
{
	std::vector<bool> listed(map.size()); // extents may go beyond the table
	unsigned long long next = 0;

	for (bool more = true; more;) {
		const std::string answer = m.device.message({"list", std::to_string(next), "7"});

		more = false;
		for (size_t at = 0, end; (end = answer.find('\n', at)) != answer.npos; at = end + 1) {
			unsigned long long from, n, place;
			unsigned int spare;
			const std::string line = answer.substr(at, end - at);

			more |= std::sscanf(line.c_str(), "next=%llu", &next) == 1;
			if (std::sscanf(line.c_str(), "extent main=%llu sectors=%llu kind=mapped spare=%u spare_sector=%llu", &from, &n,
					&spare, &place) != 4)
				continue;
			for (unsigned long long i = 0; i < n && from + i < map.size(); i++) {
				const Served &served = map[from + i];

				DMR_CHECK(served.where == DMR_WHERE_SPARE && served.sector == place + i && !listed[from + i]);
				listed[from + i] = true;
			}
		}
	}
	for (size_t i = 0; i < map.size(); i++)
		DMR_CHECK(listed[i] == (map[i].where == DMR_WHERE_SPARE));
}

// No disk has anything wrong, so only what lives on a spare that is not there, or lived on one that was forgotten, may fail.
void read_all(Machine &m, bool all_there)
{
	dmr_snapshot s;

	dmr_engine_snapshot(m.device.active()->engine(), &s);
	all_there = all_there && !s.lost_sectors;
	constexpr uint32_t part = 128;
	static uint8_t data[part * format::sector_bytes];

	for (uint64_t at = 0; at < m.device.active()->options().sectors; at += part) {
		const dmr_status status = m.device.read(at, data, part);

		DMR_CHECK(status == DMR_STS_OK || !all_there);
	}
}

// Writes to blocks that main refuses; what was acknowledged must be found after a start.
class Writes final {
public:
	Writes(Machine &m, const Table &table) : m_(m), table_(table) {}

	void perform()
	{
		std::vector<uint8_t> data(bytes());

		for (uint32_t i = 0; i < count(); i++) {
			fill(data, i);
			m_.main.fail(sector(i), table_.block_sectors(), host::Fault::unwritable());
			if (m_.device.write(sector(i), data.data(), table_.block_sectors()) == DMR_STS_OK)
				acknowledged_ |= 1u << i;
		}
	}

	void check()
	{
		std::vector<uint8_t> data(bytes()), found(bytes());

		for (uint32_t i = 0; i < count(); i++) {
			if (!(acknowledged_ >> i & 1))
				continue;
			fill(data, i);
			DMR_CHECK(m_.device.read(sector(i), found.data(), table_.block_sectors()) == DMR_STS_OK);
			DMR_CHECK(found == data);
		}
	}

private:
	// Enough for three halves of a log.
	uint32_t count() const { return table_.writes % 20; }
	size_t bytes() const { return table_.block_sectors() * format::sector_bytes; }
	// Neighbours, and apart from them a few more.
	uint64_t sector(uint32_t i) const
	{
		const uint64_t blocks = table_.sectors() / table_.block_sectors();

		return (table_.where * 4 + i + i / 4 * 40) % blocks * table_.block_sectors();
	}
	static void fill(std::vector<uint8_t> &data, uint32_t i) { std::fill(data.begin(), data.end(), uint8_t(i + 1)); }

	Machine &m_;
	const Table table_;
	uint32_t acknowledged_ = 0;
};

} // namespace

// An engine is made and taken apart a hundred times a second: memory that is not reused so late, stacks that are a fiber's
// anyway. What a longer quarantine or a fake stack would show is left to the unit tests, which are built with both.
extern "C" const char *__asan_default_options()
{
	return "detect_stack_use_after_return=0:quarantine_size_mb=8:thread_local_quarantine_size_kb=64:"
	       "malloc_context_size=8:allocator_release_to_os_interval_ms=-1";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const Image image = Image::parse({data, size});
	Machine m(image.table, 2); // other UUIDs than those of the seeds
	const host::TableOptions line = m.line(image.table);
	Writes writes(m, image.table);

	image.lay_onto(m);
	if (!start(m, line)) {
		stop(m);
		return 0;
	}
	const std::vector<Served> found = map_of(m);

	check_list(m, found);
	stop(m);
	if (!restart(m, line)) {
		stop(m);
		return 0;
	}
	DMR_CHECK(map_of(m) == found);

	// Reading saves what is pending, so it may change the map; so do the writes.
	read_all(m, !line.degraded);
	if (!line.read_only)
		writes.perform();
	const std::vector<Served> left = map_of(m);

	stop(m);
	if (restart(m, line)) {
		DMR_CHECK(line.read_only || map_of(m) == left);
		writes.check();
	}
	stop(m);
	return 0;
}
