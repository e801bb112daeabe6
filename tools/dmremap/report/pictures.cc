// SPDX-License-Identifier: GPL-2.0
#include "report/pictures.hh"

#include "answer.hh"
#include "scrub_text.hh"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace dm_remap::tool {

namespace {

constexpr size_t columns = 64;
constexpr uint64_t pitch = 10;	// of cells, in units of the picture; one of them is the gap

// How a cell is shown: the gravest that is in it.
enum class Look : uint8_t { read, unread, guarded, remapped, unreadable };
constexpr size_t looks = 5;
constexpr std::array<const char *, looks> look_class = {"read", "unread", "guarded", "remapped", "unreadable"};
constexpr std::array<const char *, looks> look_text = {"well, and read by the scrub", "nothing known against it", "guarded", "some of it remapped to a spare",
						       "some of it cannot be read"};

// Up to where the pass that runs, or was complete, has read.
uint64_t read_up_to(const std::optional<LiveScrub> &scrub, uint64_t main_sectors)
{
	if (!scrub)
		return 0;
	return scrub->under_way() || scrub->paused() ? scrub->at : scrub->complete() ? main_sectors : 0;
}

Look look_of(const Cell &cell, bool was_read)
{
	return cell.unreadable ? Look::unreadable : cell.mapped ? Look::remapped : cell.guarded ? Look::guarded : was_read ? Look::read : Look::unread;
}

std::string run_text(const MainCells &main, size_t from, size_t end)
{
	const Cell sum = main.sum(from, end);
	std::string out = fmt::format("sectors {} to {}", from * main.cell_sectors(), std::min(end * main.cell_sectors(), main.main_sectors()) - 1);

	for (const auto &[count, what] : {std::pair(sum.unreadable, "cannot be read"), {sum.mapped, "remapped"}, {sum.guarded, "guarded"}})
		if (count)
			out += fmt::format(", {} {}", count, what);
	return out;
}

void pattern(Html &out, const char *id, const char *class_name, const char *path)
{
	out.open("pattern", {{"id", id}, {"width", std::to_string(pitch)}, {"height", std::to_string(pitch)}, {"patternUnits", "userSpaceOnUse"}});
	out.shape("rect", {{"class", class_name}, {"width", std::to_string(pitch - 1)}, {"height", std::to_string(pitch - 1)}});
	out.shape("path", {{"class", "mark"}, {"d", path}});
	out.close();
}

// Marks besides colours: for those who tell no red from green, and for paper.
void patterns(Html &out)
{
	out.open("svg", {{"class", "patterns"}, {"aria-hidden", "true"}, {"width", "0"}, {"height", "0"}});
	out.open("defs");
	pattern(out, "guarded", "guarded", "M2 7L7 2");
	pattern(out, "remapped", "remapped", "M4.5 2.5V6.5M2.5 4.5H6.5");
	pattern(out, "unreadable", "unreadable", "M2 2L7 7M7 2L2 7");
	out.close();
	out.close();
}

bool is_pattern(Look look)
{
	return look >= Look::guarded;
}

void rectangle(Html &out, Look look, uint64_t x, uint64_t y, uint64_t width)
{
	const std::string name = look_class[static_cast<size_t>(look)];
	const std::pair<const char *, std::string> paint = is_pattern(look) ? std::pair<const char *, std::string>("fill", "url(#" + name + ")") :
									      std::pair<const char *, std::string>("class", name);

	out.open("rect", {paint, {"x", std::to_string(x)}, {"y", std::to_string(y)}, {"width", std::to_string(width)}, {"height", std::to_string(pitch - 1)}});
}

void legend(Html &out, const std::array<size_t, looks> &counts)
{
	out.open("ul", {{"class", "legend"}});
	for (size_t i = 0; i < looks; i++) {
		if (!counts[i])
			continue;
		out.open("li");
		out.open("svg", {{"viewBox", "0 0 9 9"}, {"aria-hidden", "true"}});
		rectangle(out, static_cast<Look>(i), 0, 0, pitch - 1);
		out.close();
		out.close();
		out.text(fmt::format("{}: {}", look_text[i], counts[i]));
		out.close();
	}
	out.close();
}

} // namespace

void draw_map(Html &out, const MainCells &main, const std::optional<LiveScrub> &scrub)
{
	const size_t cells = main.cells().size(), rows = (cells + columns - 1) / columns;
	const uint64_t read_to = read_up_to(scrub, main.main_sectors());
	std::array<size_t, looks> counts = {};
	std::string words = fmt::format("Map of main, {} cells of {}.", cells, human_bytes(main.cell_sectors() * 512));
	const auto look = [&](size_t i) {
		return look_of(main.cells()[i], std::min((i + 1) * main.cell_sectors(), main.main_sectors()) <= read_to);
	};

	for (size_t i = 0; i < cells; i++)
		counts[static_cast<size_t>(look(i))]++;
	for (size_t i = 0; i < looks; i++)
		if (counts[i])
			words += fmt::format(" {}: {}.", look_text[i], counts[i]);
	patterns(out);
	out.open("svg", {{"class", "map"}, {"role", "img"}, {"aria-label", words},
			 // Always as wide: of a small main a cell is no larger.
			 {"viewBox", fmt::format("0 0 {} {}", columns * pitch, rows * pitch)}});
	for (size_t from = 0; from < cells;) {
		const size_t row_end = std::min(cells, (from / columns + 1) * columns);
		size_t end = from + 1;

		while (end < row_end && look(end) == look(from))
			end++;
		const uint64_t x = from % columns * pitch, y = from / columns * pitch;

		// A run of good ones is a bar. A pattern has the gaps in it.
		rectangle(out, look(from), x, y, (end - from) * pitch - 1);
		out.element("title", run_text(main, from, end));
		out.close();
		from = end;
	}
	out.close();
	out.element("p", fmt::format("Each cell is {} of main, {} sectors; the first sector is at the top on the left.", human_bytes(main.cell_sectors() * 512),
				     main.cell_sectors()));
	legend(out, counts);
	if (scrub)
		out.element("p", "Scrub: " + scrub_text(*scrub) + ".");
}

void draw_bars(Html &out, const Bars &bars, const Series &series, uint64_t now)
{
	constexpr uint64_t width = 20, height = 80;
	const uint64_t last = now / bars.span;
	std::vector<std::optional<uint64_t>> slots(bars.count); // no value: not watched
	uint64_t most = 0, sum = 0;

	for (const Period &period : series.periods()) {
		const uint64_t number = period.begin / bars.span;

		if (number > last || last - number >= bars.count)
			continue;
		std::optional<uint64_t> &slot = slots[bars.count - 1 - (last - number)];

		// Two are of one time where the clock was set back at a reboot.
		slot = slot.value_or(0) + period.counts.*bars.what;
		most = std::max(most, *slot);
		sum += period.counts.*bars.what;
	}
	const std::string caption = fmt::format("{}: {} in all, at most {} in one", bars.title, sum, most);

	out.open("figure");
	out.element("figcaption", caption);
	out.open("svg", {{"class", "bars"}, {"role", "img"}, {"aria-label", caption},
			 {"viewBox", fmt::format("0 0 {} {}", bars.count * width, height + 4)}});
	for (size_t i = 0; i < slots.size(); i++) {
		const std::optional<uint64_t> &slot = slots[i];
		const uint64_t value = slot.value_or(0), begin = (last + 1 + i - slots.size()) * bars.span;
		// Whatever is not nothing can be seen.
		const uint64_t tall = value ? std::max<uint64_t>(value * height / most, 3) : 0;
		const std::string x = std::to_string(i * width), w = std::to_string(width - 2);

		out.open("g");
		out.element("title", fmt::format("{}: {}", when(begin), slot ? std::to_string(value) : "not watched"));
		out.shape("rect", {{"class", slot ? "watched" : "unwatched"}, {"x", x}, {"y", std::to_string(height)}, {"width", w}, {"height", "4"}});
		if (tall)
			out.shape("rect", {{"class", "bar"}, {"x", x}, {"y", std::to_string(height - tall)}, {"width", w}, {"height", std::to_string(tall)}});
		out.close();
	}
	out.close();
	out.close();
}

} // namespace dm_remap::tool
