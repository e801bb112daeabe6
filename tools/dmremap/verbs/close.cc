// SPDX-License-Identifier: GPL-2.0
// close NAME: removes the device of a set that runs. The set stays what it is.
#include "boot/main_sight.hh"
#include "machine/machine.hh"
#include "machine/mapped_partitions.hh"
#include "machine/udev.hh"
#include "machine/users.hh"
#include "verbs.hh"

#include <algorithm>

namespace dm_remap::tool {

namespace {

class Close final : public Verb {
public:
	const char *name() const override { return "close"; }
	const char *summary() const override { return "stop a set"; }

	void options(Options &o) override
	{
		o.one("name", name_, Takes::set, "NAME", "of the device, a path to it, or the UUID of its set");
		o.required();
		o.flag("--deferred", deferred_, "when nobody uses it any more");
	}

	int run(Answer &answer) override
	{
		const Machine machine(answer);
		const Running device = machine.find(name_);
		const std::string set = machine.set_of(device);

		const std::vector<dm::Device> parts = mapped_partitions(device.device());
		const std::vector<User> users = users_besides(parts, device.device());

		if (!users.empty() && !deferred_)
			throw Failure(ExitStatus::busy, "busy", sentence(users));
		if (!answer.manners().dry_run) {
			for (const dm::Device &part : parts)
				remove(part);
			remove(device.device());
			hold_main(device.main_number());
		}
		if (answer.as_json()) {
			answer.json().value("name", device.name());
			answer.json().value("set", set.empty() ? std::nullopt : std::optional(set));
			answer.json().value("closed", !dm::find(device.name()));
		}
		return static_cast<int>(ExitStatus::done);
	}

private:
	// When the device goes in another way, or later, udev's rule for it sees to that.
	void hold_main(const std::string &main) const
	{
		if (!deferred_ && udev::hides_mains(Tree()))
			trigger_main(main);
	}

	// Its partitions are no users, but theirs are.
	static std::vector<User> users_besides(const std::vector<dm::Device> &parts, const dm::Device &device)
	{
		std::vector<User> out = users_of(device.number());

		std::erase_if(out, [&](const User &user) {
			return std::ranges::any_of(parts, [&](const dm::Device &part) { return user.number == part.number(); });
		});
		for (const dm::Device &part : parts)
			for (User &user : users_of(part.number()))
				out.push_back(std::move(user));
		return out;
	}

	// Somebody may have it open for a moment, as udev does.
	void remove(const dm::Device &device) const
	{
		try {
			dm::remove(device, deferred_);
		} catch (const Failure &failure) {
			if (failure.status() != ExitStatus::busy)
				throw;
			throw Failure(ExitStatus::busy, "busy",
				      fmt::format("{0} is in use: 'lsof {0}' may tell by whom; --deferred closes it after that", device.path));
		}
	}

	std::string name_;
	bool deferred_ = false;
};

} // namespace

std::unique_ptr<Verb> make_close()
{
	return std::make_unique<Close>();
}

} // namespace dm_remap::tool
