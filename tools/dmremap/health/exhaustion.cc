// SPDX-License-Identifier: GPL-2.0
#include "health/exhaustion.hh"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace dm_remap::tool {

namespace {

// Time is in lengths of what was watched, and 0 is now: the past is from -1 on.
struct Stretch {
	double middle, length, taken;
};

// How the rate goes: 1 now, and at another time by one of these laws. bend: its slope now.
class Course final {
public:
	// power 0: it grows, or shrinks, by the same factor in the same time; else as this power of the time since it was 0.
	Course(double power, double bend) : power_(power), bend_(bend) {}

	double rate(double at) const
	{
		if (power_ == 0)
			return std::exp(bend_ * at);
		return std::pow(std::max(1 + bend_ * at / power_, tiny), power_);
	}
	// From now on until so much of it has passed as this many units of time have at the rate of now. Infinite: it never does.
	double time_of(double units) const
	{
		if (std::abs(bend_) < tiny)
			return units;
		if (power_ == 0)
			return bend_ * units <= -1 ? INFINITY : std::log1p(bend_ * units) / bend_;
		return (std::pow(1 + units * bend_ * (power_ + 1) / power_, 1 / (power_ + 1)) - 1) * power_ / bend_;
	}

private:
	static constexpr double tiny = 1e-9;

	double power_, bend_;
};

struct Hypothesis {
	Course course;
	double prior;	// logarithm
	double units = 0; // of the past, at the rate of now
	double weight = 0;
};

std::vector<Hypothesis> hypotheses()
{
	constexpr double usual_bend = 1.5, step = 0.25, share_of_same = 0.3, share_of_factor = 0.4, share_of_power = 0.1;
	std::vector<Hypothesis> out;
	const auto add = [&](double power, double from, double to, double share) {
		const size_t first = out.size();
		double sum = 0;

		for (double bend = from; bend <= to; bend += step) {
			out.push_back({Course(power, bend), -bend * bend / (2 * usual_bend * usual_bend)});
			sum += std::exp(out.back().prior);
		}
		for (size_t i = first; i < out.size(); i++)
			out[i].prior += std::log(share / sum);
	};

	add(0, 0, 0, share_of_same);
	add(0, -4, 6, share_of_factor);
	// Those that begin to rise before what was watched, or with it.
	for (const double power : {1.0, 2.0, 3.0})
		add(power, step, power, share_of_power);
	return out;
}

class Model final {
public:
	Model(std::span<const Watched> past, double block) : block_(block), laws_(hypotheses())
	{
		for (const Watched &watched : past)
			hours_ += watched.hours;
		double at = -1;

		for (const Watched &watched : past) {
			const double length = watched.hours / hours_;

			past_.push_back({at + length / 2, length, static_cast<double>(watched.taken)});
			at += length;
			taken_ += static_cast<double>(watched.taken);
		}
		for (Hypothesis &law : laws_)
			for (const Stretch &s : past_)
				law.units += s.length * law.course.rate(s.middle);
		burst_ = block_;
		weigh();
		burst_ = dispersion();
		burst_ += few * burst_ * burst_ / taken_;
		weigh();
	}

	double hours() const { return hours_; }
	// As many bursts of equal size would tell as much.
	double bursts() const { return taken_ / burst_; }

	// So many times what may come, in lengths of the past; sorted.
	std::vector<double> draw(double free, size_t count) const
	{
		std::mt19937_64 random(1);
		std::vector<double> out;
		double sum = 0, reached = 0;
		auto law = laws_.begin();
		const double freedom = std::clamp(bursts() / 3, 1.0, static_cast<double>(past_.size()) - 1);
		std::chi_squared_distribution<double> spread(freedom);

		for (const Hypothesis &one : laws_)
			sum += one.weight;
		for (size_t i = 0; i < count; i++) {
			const double wanted = (static_cast<double>(i) + 0.5) / static_cast<double>(count) * sum;

			while (reached + law->weight < wanted && law + 1 != laws_.end())
				reached += law++->weight;
			// How large bursts are is known by few of them.
			const double burst = burst_ * std::clamp(freedom / spread(random), 0.1, 20.0);
			std::gamma_distribution<double> rate(taken_ / burst, burst / law->units);
			std::poisson_distribution<uint64_t> more(2 * free / burst);
			std::gamma_distribution<double> until(1 + static_cast<double>(more(random)), burst / 2);

			out.push_back(law->course.time_of(until(random) / rate(random)));
		}
		std::sort(out.begin(), out.end());
		return out;
	}

private:
	// What each law makes of the past, were it of bursts of this size.
	void weigh()
	{
		double best = -INFINITY;

		for (Hypothesis &law : laws_) {
			law.weight = law.prior - taken_ / burst_ * std::log(law.units);
			for (const Stretch &s : past_)
				if (s.taken > 0)
					law.weight += s.taken / burst_ * std::log(law.course.rate(s.middle));
			best = std::max(best, law.weight);
		}
		for (Hypothesis &law : laws_)
			law.weight = std::exp(law.weight - best);
	}

	// Variance over mean, about the likeliest law: by single stretches, and by several together, as a burst may last. The largest.
	double dispersion() const
	{
		const Hypothesis &law = *std::max_element(laws_.begin(), laws_.end(), [](const Hypothesis &a, const Hypothesis &b) { return a.weight < b.weight; });
		double most = block_;

		for (size_t together = 1; past_.size() / together >= 5; together *= 2) {
			double sum = 0, groups = 0;

			for (size_t i = 0; i < past_.size(); i += together) {
				double taken = 0, expected = 0;

				for (size_t j = i; j < std::min(i + together, past_.size()); j++) {
					taken += past_[j].taken;
					expected += past_[j].length * law.course.rate(past_[j].middle) * taken_ / law.units;
				}
				expected = std::max(expected, 1e-9);
				sum += (taken - expected) * (taken - expected) / expected;
				groups++;
			}
			most = std::max(most, sum / (groups - 2));
		}
		return most;
	}

	static constexpr double few = 8;

	double block_, burst_ = 0, hours_ = 0, taken_ = 0;
	std::vector<Stretch> past_;
	std::vector<Hypothesis> laws_;
};

// What was taken in no time belongs to the next that has some.
std::vector<Watched> with_length(std::span<const Watched> past)
{
	std::vector<Watched> out;
	uint64_t taken = 0;

	for (const Watched &watched : past) {
		taken += watched.taken;
		if (watched.hours <= 0)
			continue;
		out.push_back({watched.hours, taken});
		taken = 0;
	}
	if (!out.empty())
		out.back().taken += taken;
	return out;
}

// Not a burst or two that last until now, which look like the begin of a rise: half of the time something was taken, or again and again after a pause.
bool spread_out(const std::vector<Watched> &past)
{
	constexpr size_t least_times = 7;
	size_t stretches = 0, times = 0;
	bool before = false;

	for (const Watched &watched : past) {
		const bool taken = watched.taken > 0;

		stretches += taken;
		times += taken && !before;
		before = taken;
	}
	return stretches * 2 >= past.size() || times >= least_times;
}

} // namespace

Exhaustion time_to_exhaustion(std::span<const Watched> past, uint64_t free, uint64_t block)
{
	constexpr size_t least_stretches = 7, draws = 1000;
	constexpr double least_bursts = 7, edge = 0.025, furthest = 4; // of what was watched
	const std::vector<Watched> watched = with_length(past);

	if (!free)
		return {.kind = Exhaustion::Kind::now};
	if (watched.size() < least_stretches)
		return {};
	if (std::all_of(watched.begin(), watched.end(), [](const Watched &w) { return !w.taken; }))
		return {.kind = Exhaustion::Kind::nothing_taken};
	const Model model(watched, static_cast<double>(block));

	if (model.bursts() < least_bursts)
		return {.kind = Exhaustion::Kind::too_few};
	const std::vector<double> drawn = model.draw(static_cast<double>(free), draws);
	Exhaustion out = {Exhaustion::Kind::interval, drawn[draws * edge], drawn[draws / 2], drawn[draws - 1 - draws * edge]};

	if (out.latest > furthest || !spread_out(watched)) {
		out.kind = Exhaustion::Kind::not_before;
		out.soonest = std::min(out.soonest, furthest);
		out.likely = out.latest = 0;
	}
	out.soonest *= model.hours();
	out.likely *= model.hours();
	out.latest *= model.hours();
	return out;
}

} // namespace dm_remap::tool
