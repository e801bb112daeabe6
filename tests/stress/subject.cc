// SPDX-License-Identifier: GPL-2.0
#include "subject.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <thread>

namespace dm_remap::stress {

namespace {

// For what is tried until it works.
constexpr Moment patience = Moment(180) * 1'000'000'000;

std::vector<std::string> words_of(const std::string &text)
{
	std::istringstream in(text);
	std::vector<std::string> words;

	for (std::string word; in >> word;)
		words.push_back(word);
	return words;
}

} // namespace

Line Line::parse(const Target &target)
{
	Line line;
	const std::vector<std::string> words = words_of(target.parameters);

	line.sectors = target.sectors;
	for (size_t i = 0; i < words.size(); i++) {
		if (i < 4)
			line.place.push_back(words[i]);
		else if (i > 4)
			line.features.push_back(words[i]);
	}
	return line;
}

std::vector<Target> Line::table() const
{
	std::string text;

	for (const std::string &word : place)
		text += word + " ";
	if (!features.empty())
		text += std::to_string(features.size());
	for (const std::string &word : features)
		text += " " + word;
	return {{0, sectors, "remap", text}};
}

void Line::add_spare(const Disk &disk)
{
	features.insert(features.begin(), {"spare", disk.number(), "0", std::to_string(disk.sectors())});
}

void Line::set_read_retries(uint32_t times)
{
	const auto at = std::find(features.begin(), features.end(), "read_retries");

	if (at != features.end())
		features.erase(at, at + 2);
	features.insert(features.end(), {"read_retries", std::to_string(times)});
}

Subject::Subject(Side side, std::vector<std::unique_ptr<Disk>> disks, Watch &watch)
	: side(side), watch(watch), faults(main_sectors[size_t(side)]), dm_(std::string("DMR-STRESS-") + name_of(side)),
	  disks_(std::move(disks))
{
	must(main().sectors() == main_sectors[size_t(side)], "main has the size of the plan");
	find();
}

void Subject::find()
{
	Info info;
	Target status;

	must(dm_.info(info) == 0 && dm_.status(status) == 0, "finding the device");
	path_ = "/dev/dm-" + std::to_string(info.number);
	const std::vector<std::string> words = words_of(status.parameters);

	// The pool has `first_spares` equal members: the fifth field is used/total.
	if (!data_start_ && words.size() > 4)
		data_start_ = spare_sectors - std::stoull(words[4].substr(words[4].find('/') + 1)) / first_spares;
}

void Subject::must(bool done, const char *what)
{
	if (!done)
		watch.found(std::string(name_of(side)) + ": the machine refuses: " + what);
}

int Subject::line(Line &line)
{
	Target target;
	const int error = dm_.table(target);

	if (!error)
		line = Line::parse(target);
	return error;
}

int Subject::load(const Line &line)
{
	const Busy busy("load");
	const std::lock_guard guard(tables_);
	const int error = dm_.load(line.table());

	cleared_ = cleared_ && error;
	return error;
}

int Subject::clear()
{
	const Busy busy("clear");
	const std::lock_guard guard(tables_);

	cleared_ = true;
	return dm_.clear();
}

int Subject::rename(const std::string &from, const std::string &to)
{
	const Busy busy("rename");
	const std::lock_guard guard(tables_);

	return cleared_ ? EBUSY : dm_.rename(from, to);
}

bool Subject::resume()
{
	const Moment end = now() + patience;
	int error = 0;

	for (uint32_t times = 0; now() < end; times++) {
		Line same;

		{
			const Busy busy("resume");
			const std::lock_guard guard(tables_);

			error = dm_.resume();
		}
		Info info;

		// Another actor may have been first.
		if (error == 0 || (dm_.info(info) == 0 && !info.suspended))
			return true;
		watch.note("resume: " + std::string(std::strerror(error)));
		// The set may have changed since that table was loaded.
		if (times % 4 == 3 && line(same) == 0)
			load(same);
		std::this_thread::sleep_for(std::chrono::milliseconds(50));
	}
	watch.found(std::string(name_of(side)) + ": it cannot be resumed: " + std::strerror(error));
	return false;
}

int Subject::reload()
{
	Line same;
	int error = line(same);

	if (!error)
		error = load(same);
	if (!error)
		resume();
	return error;
}

std::array<std::string, spares> Subject::states()
{
	std::array<std::string, spares> states;
	Target status;

	if (dm_.status(status))
		return states;
	for (const std::string &word : words_of(status.parameters)) {
		for (uint32_t i = 0; i < spares; i++) {
			const std::string begin = spare(i).number() + ":";

			if (word.starts_with(begin))
				states[i] = word.substr(begin.size(), word.find(':', begin.size()) - begin.size());
		}
	}
	return states;
}

// A job may take minutes, as long as it moves something.
bool Subject::wait_for_job()
{
	std::string before;

	for (Moment moved = now(); now() < moved + patience && watch.all_well();) {
		std::string answer;

		// "removing number= device= moved_sectors= left_sectors="
		dm_.message("status", answer);
		const size_t at = answer.find("removing ");

		if (at == std::string::npos)
			return true;
		if (answer.substr(at) != before) {
			before = answer.substr(at);
			moved = now();
		}
		std::this_thread::sleep_for(std::chrono::milliseconds(50));
	}
	if (watch.all_well())
		watch.found(std::string(name_of(side)) + ": a spare is being removed and does not go: " + before);
	return false;
}

bool Subject::settle()
{
	const auto well = [](const std::string &state) { return state.empty() || state == "active"; };
	Moment end = now() + patience;

	for (Moment asked = now(); now() < end && wait_for_job(); asked = now()) {
		// No table is taken meanwhile, and a removal may take many minutes.
		end += now() - asked;
		const auto all = states();

		if (std::all_of(all.begin(), all.end(), well))
			return true;
		if (int error = reload(); error && error != EBUSY)
			watch.note("reload to revive: " + std::string(std::strerror(error)));
		std::this_thread::sleep_for(std::chrono::milliseconds(100));
	}
	if (watch.all_well())
		watch.found(std::string(name_of(side)) + ": a spare does not come back");
	return false;
}

void Subject::main_bad(uint64_t start, uint64_t sectors, bool reads)
{
	const Busy busy("bad sectors");

	Disk::Healed healed;

	faults.main_bad(start, sectors, reads);
	must(main().bad({start, sectors, reads}, healed), "bad sectors of main");
	if (reads)
		faults.main_is_bad(start, sectors);
	if (healed.range.reads)
		faults.main_good(healed.range.start, healed.range.count, healed.bad_until);
}

void Subject::main_good(uint64_t start, uint64_t sectors)
{
	const Busy busy("heal sectors");

	Disk::Healed healed;

	must(main().heal({start, sectors, true}, healed), "healing sectors of main");
	faults.main_good(start, sectors, healed.bad_until);
}

} // namespace dm_remap::stress
