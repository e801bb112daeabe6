// SPDX-License-Identifier: GPL-2.0
#include "report/page.hh"

#include "files/blocks_text.hh"
#include "guard_text.hh"
#include "health/health_text.hh"
#include "job_text.hh"
#include "report/pictures.hh"
#include "report/style.hh"

#include <algorithm>
#include <dm_remap/version.h>
#include <fmt/format.h>

namespace dm_remap::tool {

namespace {

// Of files that are named on the page. `dmremap files` names all.
constexpr size_t most_files = 500;
// Of main's parts. `dmremap map` names all of its extents.
constexpr size_t most_parts = 100;

class Page final {
public:
	explicit Page(const ReportFacts &facts) : f_(facts) {}

	std::string write()
	{
		out_.begin();
		out_.open("html", {{"lang", "en"}});
		head();
		out_.open("body");
		header();
		out_.open("main");
		what_to_do();
		unreadable();
		disk();
		spares();
		health();
		drives();
		warnings();
		out_.close();
		prose("footer", fmt::format("Made by dmremap {}; 'dmremap report {} --json' has the same facts for programs.", DMR_VERSION, f_.set.name));
		return out_.end();
	}

private:
	const std::optional<LiveStatus> &live() const { return f_.set.live; }
	static std::string size(uint64_t sectors) { return fmt::format("{} sectors ({})", sectors, human_bytes(sectors * 512)); }

	void head()
	{
		out_.open("head");
		out_.single("meta", {{"charset", "utf-8"}});
		out_.single("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
		out_.single("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
		// Nothing is loaded, and nothing runs, whatever a name on a disk is.
		out_.single("meta", {{"http-equiv", "Content-Security-Policy"}, {"content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}});
		out_.single("link", {{"rel", "icon"}, {"href", "data:,"}});
		out_.element("title", fmt::format("{}: {}", f_.set.name, f_.set.judgement.state));
		out_.style(report_style);
		out_.close();
	}

	void header()
	{
		out_.open("header");
		out_.element("h1", f_.set.name);
		out_.element("p", f_.set.judgement.state, {{"class", "state " + lower(f_.set.judgement.state)}, {"role", "status"}});
		for (const std::string &sentence : in_words())
			out_.element("p", sentence);
		out_.element("p", fmt::format("{}{}{}", f_.host.empty() ? "" : "On " + f_.host + ", ", when(f_.time), f_.set.set.empty() ? "" : ", set " + f_.set.set),
			     {{"class", "soft"}});
		out_.close();
	}

	std::vector<std::string> in_words() const
	{
		const Judgement &j = f_.set.judgement;
		std::vector<std::string> out;

		out.push_back(j.state == "OFFLINE"  ? "The set does not run. Main alone lacks what is on spares." :
			      j.state == "CRITICAL" ? "Data is in danger: something has to be done at once." :
			      j.state == "DEGRADED" ? "It works, and something has to be done." :
			      j.findings.empty()    ? "All is well." :
						      "It works, and nothing has to be done now.");
		if (!live())
			return out;
		// The modules' own sums count what is on a spare that is missing as remapped.
		const Cell sum = f_.cells->sum();

		out.push_back(fmt::format("Of main, {}, {}, {} served by spares{}, and {}. Of the spares' {} {} are free.", f_.set.main, human_bytes(live()->main_sectors * 512),
					  sum.mapped ? size(sum.mapped) + " are" : "nothing is", sum.guarded ? fmt::format(", {} are guarded", size(sum.guarded)) : "",
					  sum.unreadable ? fmt::format("{} cannot be read", size(sum.unreadable)) : "all can be read, as far as is known",
					  size(live()->pool_total), live()->pool_free));
		return out;
	}

	void prose(const char *tag, std::string_view words)
	{
		out_.open(tag);
		out_.prose(words);
		out_.close();
	}

	void begin(const char *id, const char *title)
	{
		out_.open("section", {{"aria-labelledby", id}});
		out_.element("h2", title, {{"id", id}});
	}

	void what_to_do()
	{
		begin("next", "What to do next");
		if (f_.set.judgement.findings.empty()) {
			out_.element("p", "Nothing. This is no backup: keep yours.");
			out_.close();
			return;
		}
		out_.open("ol", {{"class", "findings"}});
		for (const Finding &finding : f_.set.judgement.findings) {
			const char *const urgency = urgency_text(finding.urgency);

			out_.open("li");
			out_.open("p");
			out_.element("span", fmt::format("{}:", urgency), {{"class", fmt::format("urgency {}", urgency)}});
			out_.prose(finding.text);
			out_.close();
			prose("p", finding.action);
			out_.close();
		}
		out_.close();
		out_.close();
	}

	// Heads of columns; one that begins with '#' is of numbers.
	void begin_table(const char *caption, std::initializer_list<const char *> heads)
	{
		numbers_.clear();
		// Where it is wider than the screen it scrolls, by keys, too.
		out_.open("div", {{"class", "wide"}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", caption}});
		out_.open("table");
		out_.element("caption", caption);
		out_.open("thead");
		out_.open("tr");
		for (const char *head : heads) {
			numbers_.push_back(*head == '#');
			out_.element("th", numbers_.back() ? head + 1 : head, {{"scope", "col"}, {"class", numbers_.back() ? "number" : "text"}});
		}
		out_.close();
		out_.close();
		out_.open("tbody");
	}
	void row(const std::vector<std::string> &cells)
	{
		out_.open("tr");
		for (size_t i = 0; i < cells.size(); i++)
			out_.element("td", cells[i], {{"class", numbers_[i] ? "number" : "text"}});
		out_.close();
	}
	void end_table()
	{
		for (int i = 0; i < 3; i++)
			out_.close();
	}

	void not_known(const std::string &why)
	{
		prose("p", "Not known: " + why + ".");
	}

	void unreadable()
	{
		begin("files", "What cannot be read");
		if (!f_.blocks.value) {
			not_known(f_.blocks.why_not);
		} else if (f_.blocks.value->empty()) {
			out_.element("p", "No sector is known that cannot be read.");
		} else {
			const std::vector<BlockLine> lines = block_lines(*f_.blocks.value);

			begin_table("What lies on the sectors that cannot be read", {"what", "where", "sectors"});
			for (size_t i = 0; i < std::min(lines.size(), most_files); i++)
				row({lines[i].kind, lines[i].subject, lines[i].sectors});
			end_table();
			if (lines.size() > most_files)
				and_more(lines.size() - most_files, "files");
			for (const std::string &sentence : block_advice(*f_.blocks.value))
				prose("p", sentence);
		}
		out_.close();
	}

	void disk()
	{
		begin("main", "Main");
		if (!f_.cells) {
			out_.element("p", fmt::format("{}. What is remapped of it is not known while the set does not run.", f_.set.main));
		} else {
			draw_map(out_, *f_.cells, live()->scrub);
			if (live()->guard)
				out_.element("p", "Guard: " + guard_text(*live()->guard) + ".");
			out_.element("p", fmt::format("Map: {} of {} entries, generation {}; {} sectors remapped, {} pending, {} lost. Blocks are of {} bytes{}.", live()->extents,
						      live()->max_extents, live()->generation, live()->remapped, live()->pending, live()->lost, live()->block_bytes,
						      live()->physical_block_bytes ? fmt::format(", and fail by {}", *live()->physical_block_bytes) : ""));
			parts(*f_.cells);
		}
		out_.close();
	}

	// What the picture shows by a pointer alone.
	void parts(const MainCells &main)
	{
		size_t count = 0;

		for (size_t from = 0, end; from < main.cells().size(); from = end) {
			end = from + 1;
			if (main.cells()[from].well())
				continue;
			while (end < main.cells().size() && !main.cells()[end].well())
				end++;
			if (count++ >= most_parts)
				continue;
			if (count == 1)
				begin_table("Parts of main that the map shows something in: sectors of 512 bytes", {"#first", "#last", "#remapped", "#guarded", "#cannot be read"});
			const Cell sum = main.sum(from, end);

			row({std::to_string(from * main.cell_sectors()), std::to_string(std::min(end * main.cell_sectors(), main.main_sectors()) - 1), std::to_string(sum.mapped),
			     std::to_string(sum.guarded), std::to_string(sum.unreadable)});
		}
		if (count)
			end_table();
		if (count > most_parts)
			and_more(count - most_parts, "map");
	}

	void and_more(size_t count, const char *verb)
	{
		prose("p", fmt::format("And {} more: 'dmremap {} {}'.", count, verb, f_.set.name));
	}

	void spares()
	{
		if (!live())
			return;
		begin("spares", "Spares");
		begin_table("Sectors of 512 bytes", {"#number", "device", "state", "#used", "#bad", "#sectors"});
		for (size_t i = 0; i < live()->spares.size(); i++) {
			const LiveSpare &spare = live()->spares[i];

			row({std::to_string(spare.number), f_.spare_paths[i] + (spare.start ? fmt::format("@{}", spare.start) : ""), spare.state, std::to_string(spare.used),
			     std::to_string(spare.bad), std::to_string(spare.total)});
		}
		end_table();
		if (live()->removal)
			out_.element("p", fmt::format("Spare {} is being removed: {} %.", live()->removal->number, live()->removal->percent()));
		else if (live()->job)
			out_.element("p", "Job: " + job_text(*live()->job) + ".");
		if (f_.health)
			out_.element("p", "When they will be used up: " + exhaustion_text(*f_.health) + ".");
		out_.close();
	}

	void health()
	{
		begin("health", "Health and history");
		if (f_.health)
			lines(*f_.health);
		if (!f_.history) {
			out_.close();
			return;
		}
		out_.open("div", {{"class", "charts"}});
		draw_bars(out_, {"I/O errors of the last 24 hours, by the hour", &Counts::errors, History::hour, 24}, f_.history->hours(), f_.time);
		draw_bars(out_, {"I/O errors of the last 30 days, by the day", &Counts::errors, History::day, 30}, f_.history->days(), f_.time);
		draw_bars(out_, {"Blocks remapped in the last 24 hours, by the hour", &Counts::remaps, History::hour, 24}, f_.history->hours(), f_.time);
		draw_bars(out_, {"Blocks remapped in the last 30 days, by the day", &Counts::remaps, History::day, 30}, f_.history->days(), f_.time);
		out_.close();
		out_.close();
	}

	void lines(const HealthReport &report)
	{
		out_.open("dl");
		for (const HealthLine &line : health_lines(report)) {
			// What the page has elsewhere.
			if (line.label == "name" || line.label == "spares")
				continue;
			if (!line.label.empty())
				out_.element("dt", line.label);
			prose("dd", line.text);
		}
		out_.close();
	}

	void drives()
	{
		begin("drives", "What the drives say of themselves");
		if (!f_.drives.value) {
			not_known(f_.drives.why_not);
		} else {
			begin_table("By smartctl", {"role", "drive", "what it says"});
			for (const Drive &drive : *f_.drives.value) {
				const DriveHealth *const h = drive.health ? &*drive.health : nullptr;

				row({drive.role.spare ? fmt::format("spare {}", *drive.role.spare) : "main",
				     h ? fmt::format("{}, {}{}", drive.role.disk, h->model.empty() ? h->protocol : h->model, h->serial.empty() ? "" : ", serial " + h->serial) : drive.role.disk,
				     h ? figures_text(*h) : "nothing"});
			}
			end_table();
		}
		out_.close();
	}

	void warnings()
	{
		if (f_.warnings.empty())
			return;
		begin("warnings", "What is missing here");
		out_.open("ul");
		for (const std::string &warning : f_.warnings)
			prose("li", warning);
		out_.close();
		out_.close();
	}

	const ReportFacts &f_;
	Html out_;
	std::vector<bool> numbers_; // of the table's columns
};

} // namespace

std::string report_page(const ReportFacts &facts)
{
	return Page(facts).write();
}

} // namespace dm_remap::tool
