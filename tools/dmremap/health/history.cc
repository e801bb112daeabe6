// SPDX-License-Identifier: GPL-2.0
#include "health/history.hh"

#include "sealed_document.hh"

#include <algorithm>
#include <stdexcept>

namespace dm_remap::tool {

namespace {

using nlohmann::ordered_json;

constexpr SealedKind kind = {"dm-remap history", 1, "history"};
constexpr size_t hours_kept = 24, days_kept = 30, fields = 7;

// Clocks are set right by less, all the time.
constexpr int64_t clock_slack = 120;

// A counter that began anew since.
uint64_t grown(uint64_t now, uint64_t before)
{
	return now >= before ? now - before : now;
}

void add_to(Period &to, const Period &more)
{
	to.seconds += more.seconds;
	to.counts.errors += more.counts.errors;
	to.counts.remaps += more.counts.remaps;
	to.counts.unrecovered += more.counts.unrecovered;
	to.taken += more.taken;
	to.health = std::min(to.health, more.health);
}

ordered_json json_of(const Series &series)
{
	ordered_json out = ordered_json::array();

	for (const Period &p : series.periods())
		out.push_back({p.begin, p.seconds, p.counts.errors, p.counts.remaps, p.counts.unrecovered, p.taken, p.health});
	return {{"of_boot", series.of_boot()}, {"periods", std::move(out)}};
}

uint64_t number(const ordered_json &value)
{
	if (!value.is_number_unsigned())
		throw BrokenSeal("a number is none");
	return value.get<uint64_t>();
}

Series series_of(const ordered_json &json, uint64_t span, size_t most)
{
	std::vector<Period> periods;

	for (const ordered_json &p : json.at("periods")) {
		if (p.size() != fields)
			throw BrokenSeal("a period is of another form");
		periods.push_back({number(p.at(0)), number(p.at(1)), {number(p.at(2)), number(p.at(3)), number(p.at(4))}, number(p.at(5)), number(p.at(6))});
	}
	return {span, most, std::move(periods), number(json.at("of_boot"))};
}

} // namespace

Series::Series(uint64_t span, size_t most, std::vector<Period> periods, size_t of_boot)
	: span_(span), most_(most), periods_(std::move(periods)), of_boot_(of_boot)
{
	if (periods_.size() > most_ || of_boot_ > periods_.size())
		throw std::invalid_argument("it has more periods than it may have");
}

// The newest, or a further one.
Period &Series::at(uint64_t begin)
{
	// In one boot time goes on: the clock was set right by a little.
	if (!periods_.empty() && (periods_.back().begin == begin || (of_boot_ && periods_.back().begin > begin)))
		return periods_.back();
	if (periods_.size() == most_)
		periods_.erase(periods_.begin());
	periods_.push_back({.begin = begin, .counts = {}});
	of_boot_ = std::min(of_boot_ + 1, periods_.size());
	return periods_.back();
}

void Series::add(uint64_t end, uint64_t seconds, const Period &what)
{
	const uint64_t last = end / span_ * span_, longest = static_cast<uint64_t>(most_ - 1) * span_;
	const uint64_t from = std::max(end - std::min(end, seconds), last - std::min(last, longest));

	for (uint64_t begin = from / span_ * span_; begin <= last; begin += span_)
		at(begin).seconds += std::min(end, begin + span_) - std::max(from, begin);
	Period counted = what;

	counted.seconds = 0;
	add_to(periods_.back(), counted);
}

void Series::clock_jumped(int64_t seconds)
{
	const int64_t span = static_cast<int64_t>(span_), jump = (seconds + (seconds < 0 ? -span / 2 : span / 2)) / span * span;

	if (!jump)
		return;
	for (size_t i = periods_.size() - of_boot_; i < periods_.size(); i++)
		periods_[i].begin = static_cast<uint64_t>(std::max<int64_t>(0, static_cast<int64_t>(periods_[i].begin) + jump));
	// What is one period now is one.
	for (size_t i = periods_.size() - of_boot_; i < periods_.size();) {
		if (i == 0 || periods_[i].begin != periods_[i - 1].begin) {
			i++;
			continue;
		}
		add_to(periods_[i - 1], periods_[i]);
		periods_.erase(periods_.begin() + static_cast<std::ptrdiff_t>(i));
		of_boot_--;
	}
}

Period Series::sum(uint64_t now, uint64_t seconds) const
{
	Period out = {.begin = now - std::min(now, seconds), .counts = {}};

	for (const Period &period : periods_)
		if (period.begin > out.begin && period.begin <= now)
			add_to(out, period);
	return out;
}

History::History(std::string set, const Sample &first) : History(std::move(set), first.moment.time, first, {hour, hours_kept}, {day, days_kept}) {}

History::History(std::string set, uint64_t since, Sample last, Series hours, Series days)
	: set_(std::move(set)), since_(since), last_(std::move(last)), hours_(std::move(hours)), days_(std::move(days))
{
}

bool History::wants(const Sample &sample) const
{
	constexpr uint64_t least = 55, most = 600;
	const uint64_t passed = sample.moment.uptime - last_.moment.uptime;

	if (sample.moment.boot != last_.moment.boot || sample.moment.uptime < last_.moment.uptime || passed >= most)
		return true;
	return passed >= least && (sample.counts != last_.counts || sample.taken != last_.taken || sample.health != last_.health);
}

void History::add(const Sample &sample)
{
	const Moment &now = sample.moment, &before = last_.moment;

	if (!sample.main.empty() && !last_.main.empty() && sample.main != last_.main) {
		*this = History(set_, sample);
		return;
	}
	const bool same_boot = now.boot == before.boot && now.uptime >= before.uptime;
	uint64_t seconds = same_boot ? now.uptime - before.uptime : now.uptime;
	Period what = {.seconds = 0, .counts = sample.counts, .taken = sample.taken - std::min(sample.taken, last_.taken), .health = sample.health};

	if (same_boot) {
		const int64_t jump = static_cast<int64_t>(now.time) - static_cast<int64_t>(before.time + seconds);

		what.counts = {grown(sample.counts.errors, last_.counts.errors), grown(sample.counts.remaps, last_.counts.remaps),
			       grown(sample.counts.unrecovered, last_.counts.unrecovered)};
		if (jump > clock_slack || jump < -clock_slack) {
			hours_.clock_jumped(jump);
			days_.clock_jumped(jump);
		}
	} else {
		hours_.new_boot();
		days_.new_boot();
		// No time counts twice.
		if (now.time >= before.time)
			seconds = std::min(seconds, now.time - before.time);
	}
	hours_.add(now.time, seconds, what);
	days_.add(now.time, seconds, what);
	const std::string main = sample.main.empty() ? last_.main : sample.main;

	last_ = sample;
	last_.main = main;
}

bool History::by_days() const
{
	constexpr size_t enough = 7;

	return days_.periods().size() >= enough;
}

std::vector<Watched> History::watched() const
{
	std::vector<Watched> out;

	for (const Period &period : (by_days() ? days_ : hours_).periods())
		out.push_back({static_cast<double>(period.seconds) / static_cast<double>(hour), period.taken});
	return out;
}

std::string History::text() const
{
	const ordered_json last = {{"boot", last_.moment.boot},	   {"uptime", last_.moment.uptime},	{"time", last_.moment.time},
				   {"main", last_.main},	   {"errors", last_.counts.errors},	{"remaps", last_.counts.remaps},
				   {"unrecovered", last_.counts.unrecovered}, {"taken", last_.taken}, {"health", last_.health}};

	return sealed(kind, {{"set", set_}, {"since", since_}, {"last", last}, {"hours", json_of(hours_)}, {"days", json_of(days_)}});
}

History History::parse(const std::string &set, const std::string &text)
{
	try {
		const ordered_json content = unsealed(kind, text);
		const ordered_json &last = content.at("last");

		if (content.at("set") != set)
			throw BrokenSeal("it is about another set");
		return {set, number(content.at("since")),
			{{last.at("boot").get<std::string>(), number(last.at("uptime")), number(last.at("time"))}, last.at("main").get<std::string>(),
			 {number(last.at("errors")), number(last.at("remaps")), number(last.at("unrecovered"))}, number(last.at("taken")), number(last.at("health"))},
			series_of(content.at("hours"), hour, hours_kept), series_of(content.at("days"), day, days_kept)};
	} catch (const ordered_json::exception &error) {
		throw BrokenSeal(error.what());
	} catch (const std::invalid_argument &error) {
		throw BrokenSeal(error.what());
	}
}

} // namespace dm_remap::tool
