// SPDX-License-Identifier: GPL-2.0
// map DEV...: the extents, as a table, JSON, CSV, or a picture of main.
#include "entry_text.hh"
#include "set_reader.hh"
#include "verbs.hh"

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dm_remap::tool {

namespace {

// Each cell of the picture is a part of main.
struct Cell {
	uint64_t mapped = 0;
	bool pending = false;
};

// In sectors of 512 bytes, as everything that a person reads.
struct Row {
	uint64_t sector, sectors;
	const char *kind;
	std::optional<uint32_t> spare;
	std::optional<std::string> path;	// of a spare that is there
	std::optional<uint64_t> spare_sector;	// on its device

	Row(const SetReader &set, const Extent &extent)
		: sector(set.block_size().to_sectors(extent.start).value), sectors(set.block_size().to_sectors(extent.length).value),
		  kind(kind_text(extent.kind))
	{
		if (extent.kind != ExtentKind::mapped)
			return;
		spare = extent.member;
		if (!set.member(extent.member))
			return;
		path = set.member(extent.member)->path();
		spare_sector = set.spare_sector(extent.member, extent.spare);
	}
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
		o.several("device", names_, Takes::device, "DEV[@START[+SECTORS]]...", "the spares of a set, or images of them");
		o.required();
		o.flag("--csv", csv_, "one line an extent, separated by commas");
		o.flag("--draw", draw_, "a picture of main");
		o.excludes("--csv");
	}

	int run(Answer &answer) override
	{
		SetReader set(open_members(names_), answer);

		set.load();
		if (answer.as_json())
			write(answer.json(), set);
		else if (csv_)
			print_csv(answer, set);
		else if (draw_)
			draw(answer, set);
		else
			print(answer, set);
		return static_cast<int>(ExitStatus::done);
	}

private:
	static void write(JsonWriter &out, const SetReader &set)
	{
		const BlockSize block = set.block_size();

		out.value("set", uuid_text(set.setup().set_uuid));
		out.value("generation", set.generation());
		out.value("main_sectors", set.setup().main.sectors);
		out.value("block_bytes", block.bytes());
		out.value("mapped_sectors", block.to_sectors(set.map().index().mapped()).value);
		out.value("pending_sectors", block.to_sectors(set.map().index().pending()).value);
		out.begin_array("extents");
		set.each_extent([&](const Extent &extent) {
			const Row row(set, extent);

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

	static void print_csv(Answer &answer, const SetReader &set)
	{
		answer.line("sector,sectors,kind,spare,device,spare_sector");
		set.each_extent([&](const Extent &extent) {
			const Row row(set, extent);

			answer.line("{},{},{},{},{},{}", row.sector, row.sectors, row.kind, row.spare ? std::to_string(*row.spare) : "",
				    row.path ? csv(*row.path) : "", row.spare_sector ? std::to_string(*row.spare_sector) : "");
		});
	}

	static void print(Answer &answer, const SetReader &set)
	{
		answer.line("{:>16} {:>12}  {:<8} {}", "sector", "sectors", "kind", "where");
		set.each_extent([&](const Extent &extent) {
			const Row row(set, extent);
			const std::string where = !row.spare	     ? "nowhere: main could not read it"
						  : row.spare_sector ? fmt::format("{} sector {}", shown(*row.path), *row.spare_sector)
								     : fmt::format("spare {}, which is not named", *row.spare);

			answer.line("{:>16} {:>12}  {:<8} {}", row.sector, row.sectors, row.kind, where);
		});
		summary(answer, set);
	}

	static void summary(Answer &answer, const SetReader &set)
	{
		const BlockSize block = set.block_size();

		answer.line("{} extents, {} sectors remapped, {} pending, generation {}", set.map().index().extents(),
			    block.to_sectors(set.map().index().mapped()).value, block.to_sectors(set.map().index().pending()).value,
			    set.generation());
	}

	static void draw(Answer &answer, const SetReader &set)
	{
		winsize window = {};
		const uint64_t columns = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_col > 20 ? window.ws_col - 1u : 79;
		const uint64_t blocks = set.block_size().to_blocks(Sectors(set.setup().main.sectors)).value;
		const uint64_t wanted = std::min(columns * 20, std::max<uint64_t>(blocks, 1));
		const uint64_t per_cell = (blocks + wanted - 1) / wanted;
		std::vector<Cell> cells((blocks + per_cell - 1) / per_cell);

		set.each_extent([&](const Extent &extent) {
			for (uint64_t at = extent.start.value, end = extent.end().value; at < end;) {
				Cell &cell = cells[at / per_cell];
				const uint64_t part_end = std::min(end, (at / per_cell + 1) * per_cell);

				cell.pending |= extent.kind == ExtentKind::pending;
				cell.mapped += extent.kind == ExtentKind::mapped ? part_end - at : 0;
				at = part_end;
			}
		});
		for (size_t row = 0; row < cells.size(); row += columns) {
			std::string line;

			for (size_t i = row; i < std::min<size_t>(row + columns, cells.size()); i++)
				line += coloured(cells[i], per_cell);
			answer.line("{}", line);
		}
		answer.line("each character is {} sectors of main: . all well, + some remapped, # half or more, ! some pending",
			    per_cell * set.block_size().sectors());
		summary(answer, set);
	}

	static std::string coloured(const Cell &cell, uint64_t per_cell)
	{
		const char c = cell.pending ? '!' : 2 * cell.mapped >= per_cell ? '#' : cell.mapped ? '+' : '.';

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
