// SPDX-License-Identifier: GPL-2.0
// map NAME | DEV...: the extents, as a table, JSON, CSV, or a picture of main. Of a device that runs its modules are asked: its spares may
// change while they are read.
#include "machine/machine.hh"
#include "main_cells.hh"
#include "set_reader.hh"
#include "verbs.hh"

#include <algorithm>
#include <filesystem>
#include <map>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

// In sectors of 512 bytes, as everything that a person reads.
struct Row {
	uint64_t sector = 0, sectors = 0;
	std::string_view kind;
	std::optional<uint32_t> spare = {};
	std::optional<std::string> path = {};	  // of a spare that is there
	std::optional<uint64_t> spare_sector = {}; // on its device
};

// Where the extents come from.
class Source {
public:
	virtual ~Source() = default;

	std::optional<std::string> set;
	uint64_t generation = 0, main_sectors = 0, extents = 0, mapped = 0, pending = 0;
	uint32_t block_bytes = 0;

	virtual void each(const std::function<void(const Row &)> &f) const = 0;
};

// The spares themselves.
class FromSpares final : public Source {
public:
	FromSpares(const std::vector<std::string> &names, Answer &answer) : set_(open_members(names), answer)
	{
		set_.load();
		const BlockSize block = set_.block_size();

		set = uuid_text(set_.setup().set_uuid);
		generation = set_.generation();
		main_sectors = set_.setup().main.sectors;
		block_bytes = block.bytes();
		extents = set_.map().index().extents();
		mapped = block.to_sectors(set_.map().index().mapped()).value;
		pending = block.to_sectors(set_.map().index().pending()).value;
	}

	void each(const std::function<void(const Row &)> &f) const override
	{
		set_.each_extent([&](const Extent &extent) {
			Row row = {set_.block_size().to_sectors(extent.start).value, set_.block_size().to_sectors(extent.length).value,
				   kind_text(extent.kind)};

			if (extent.kind == ExtentKind::mapped)
				row.spare = extent.member;
			if (row.spare && set_.member(extent.member)) {
				row.path = set_.member(extent.member)->path();
				row.spare_sector = set_.spare_sector(extent.member, extent.spare);
			}
			f(row);
		});
	}

private:
	SetReader set_;
};

// The device that runs.
class FromDevice final : public Source {
public:
	FromDevice(const std::string &name, Answer &answer) : answer_(answer), machine_(answer), device_(Running::find(name)), live_(device_.status())
	{
		const std::string uuid = machine_.set_of(device_);

		set = uuid.empty() ? std::nullopt : std::optional(uuid);
		generation = live_.generation;
		main_sectors = live_.main_sectors;
		block_bytes = live_.block_bytes;
		extents = live_.extents;
		mapped = live_.remapped;
		pending = live_.pending;
	}

	void each(const std::function<void(const Row &)> &f) const override
	{
		std::map<uint32_t, std::string> paths;

		for (const LiveSpare &spare : live_.spares)
			if (!spare.missing())
				paths[spare.number] = machine_.path_of(spare.device, machine_.configured(device_));
		const bool still = device_.each_extent([&](const LiveExtent &extent) {
			Row row = {extent.sector, extent.sectors, extent.kind, extent.spare, {}, extent.spare_sector};

			if (extent.spare && paths.contains(*extent.spare))
				row.path = paths.at(*extent.spare);
			f(row);
		});

		if (!still)
			answer_.warn("changing", "the map changed while it was listed: each extent is told as it was at its moment");
	}

private:
	Answer &answer_;
	const Machine machine_;
	const Running device_;
	const LiveStatus live_;
};

std::string csv(const std::string &text)
{
	std::string out = "\"";

	for (const char c : text)
		out += c == '"' ? std::string("\"\"") : std::string(1, c);
	return out + "\"";
}

class Map final : public Verb {
public:
	const char *name() const override { return "map"; }
	const char *summary() const override { return "list what is remapped and pending, or draw it"; }

	void options(Options &o) override
	{
		o.several("device", names_, Takes::device, "NAME | DEV[@START[+SECTORS]]...",
			  "a device that runs; or the spares of a set, or images of them");
		o.required();
		o.flag("--csv", csv_, "one line an extent, separated by commas");
		o.flag("--draw", draw_, "a picture of main");
		o.excludes("--csv");
	}

	int run(Answer &answer) override
	{
		const std::unique_ptr<Source> source = find(answer);

		if (answer.as_json())
			write(answer.json(), *source);
		else if (csv_)
			print_csv(answer, *source);
		else if (draw_)
			draw(answer, *source);
		else
			print(answer, *source);
		return static_cast<int>(ExitStatus::done);
	}

private:
	// The name of a device that runs is no path, or that of its node.
	std::unique_ptr<Source> find(Answer &answer) const
	{
		std::error_code ignored;
		const bool path = std::filesystem::exists(names_.front(), ignored);

		if (names_.size() == 1 && (!path || names_.front().starts_with("/dev/")) && !dm::unavailable() && is_remap(names_.front(), path))
			return std::make_unique<FromDevice>(names_.front(), answer);
		return std::make_unique<FromSpares>(names_, answer);
	}

	static bool is_remap(const std::string &name, bool path)
	{
		const std::optional<dm::Device> device = dm::find(name);

		if (!device)
			return false;
		// A spare may be device-mapper's, too.
		return !path || Running::serves(*device);
	}

	static void write(JsonWriter &out, const Source &source)
	{
		out.value("set", source.set);
		out.value("generation", source.generation);
		out.value("main_sectors", source.main_sectors);
		out.value("block_bytes", source.block_bytes);
		out.value("mapped_sectors", source.mapped);
		out.value("pending_sectors", source.pending);
		out.begin_array("extents");
		source.each([&](const Row &row) {
			out.begin_object({}, JsonWriter::Style::compact);
			out.value("sector", row.sector);
			out.value("sectors", row.sectors);
			out.word("kind", row.kind);
			out.value("spare", row.spare);
			out.value("spare_sector", row.spare_sector);
			out.end();
		});
		out.end();
	}

	static void print_csv(Answer &answer, const Source &source)
	{
		answer.line("sector,sectors,kind,spare,device,spare_sector");
		source.each([&](const Row &row) {
			answer.line("{},{},{},{},{},{}", row.sector, row.sectors, row.kind, row.spare ? std::to_string(*row.spare) : "",
				    row.path ? csv(*row.path) : "", row.spare_sector ? std::to_string(*row.spare_sector) : "");
		});
	}

	static void print(Answer &answer, const Source &source)
	{
		answer.line("{:>16} {:>12}  {:<8} {}", "sector", "sectors", "kind", "where");
		source.each([&](const Row &row) {
			answer.line("{:>16} {:>12}  {:<8} {}", row.sector, row.sectors, row.kind, where(row));
		});
		summary(answer, source);
	}

	static std::string where(const Row &row)
	{
		if (row.spare && row.path && row.spare_sector)
			return fmt::format("{} sector {}", shown(*row.path), *row.spare_sector);
		if (row.spare)
			return fmt::format("spare {}, which is not there", *row.spare);
		return row.kind == "pending" ? "nowhere: main could not read it" : row.kind == "lost" ? "nowhere: its spare was forgotten" : "nowhere";
	}

	static void summary(Answer &answer, const Source &source)
	{
		answer.line("{} extents, {} sectors remapped, {} pending, generation {}", source.extents, source.mapped, source.pending,
			    source.generation);
	}

	static void draw(Answer &answer, const Source &source)
	{
		winsize window = {};
		const uint64_t columns = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_col > 20 ? window.ws_col - 1u : 79;
		MainCells picture(source.main_sectors, source.block_bytes, columns * 20);
		const std::vector<Cell> &cells = picture.cells();

		source.each([&](const Row &row) { picture.add(row.sector, row.sectors, row.kind == "mapped" && row.spare_sector ? &Cell::mapped : &Cell::unreadable); });
		for (size_t row = 0; row < cells.size(); row += columns) {
			std::string line;

			for (size_t i = row; i < std::min<size_t>(row + columns, cells.size()); i++)
				line += coloured(cells[i], picture.cell_sectors());
			answer.line("{}", line);
		}
		answer.line("each character is {} sectors of main: . all well, + some remapped, # half or more, ! some that cannot be read", picture.cell_sectors());
		summary(answer, source);
	}

	static std::string coloured(const Cell &cell, uint64_t per_cell)
	{
		const char c = cell.unreadable ? '!' : 2 * cell.mapped >= per_cell ? '#' : cell.mapped ? '+' : '.';

		if (c == '.' || !Answer::on_terminal())
			return std::string(1, c);
		return fmt::format("\033[{}m{}\033[0m", c == '!' ? 31 : 33, c);
	}

	std::vector<std::string> names_;
	bool csv_ = false, draw_ = false;
};

} // namespace

std::unique_ptr<Verb> make_map()
{
	return std::make_unique<Map>();
}

} // namespace dm_remap::tool
