// SPDX-License-Identifier: GPL-2.0
#include "machine/starter.hh"

#include "boot/hold.hh"
#include "boot/main_sight.hh"
#include "boot/run_dir.hh"
#include "machine/find_main.hh"
#include "machine/udev.hh"
#include "machine/users.hh"
#include "setup_text.hh"
#include "sysfs.hh"

#include <dm_remap/lineage.hh>

#include <algorithm>

namespace dm_remap::tool {

namespace {

bool is_complete(const SeenSet &set)
{
	return set.seen() >= set.expected() && !set.separate_ways();
}

// By which main is known again without being read.
void describe(const MainNow &main, ConfiguredSet &out)
{
	const std::string number = sysfs::number(main.path);

	out.main_id = known(main.identity.id);
	out.identity = main.identity.identity;
	out.disk.clear();
	out.first.reset();
	if (!sysfs::is_partition(number))
		return;
	out.disk = main.identity.disk;
	out.first = std::stoull("0" + sysfs::attribute(number, "start"));
}

SeenSet *named(std::vector<SeenSet> &sets, const std::string &name)
{
	std::vector<SeenSet *> found;

	for (SeenSet &set : sets)
		if (set.uuid() == name || set.newest().name == name)
			found.push_back(&set);
	if (found.size() > 1)
		throw Failure(ExitStatus::failed, "not-one-set",
			      fmt::format("{} sets are called '{}': say which one by its UUID, {} or {}", found.size(), shown(name), found[0]->uuid(),
					  found[1]->uuid()));
	return found.empty() ? nullptr : found.front();
}

// One that dm-remap itself keeps from being used.
std::optional<User> kept_for_a_set(const std::string &path)
{
	const std::vector<KnownMain> mains = known_mains(SetsConfig::read());
	std::string number;
	const KnownMain *main = find_known(mains, sysfs::number(path), Seen::before, number);

	if (!main || !HeldMain::by_somebody(main->set))
		return {};
	const std::string name = shown(main->name.empty() ? main->set : main->name);

	return User{fmt::format("{} is main of set {}, and is kept for it", path, name),
		    fmt::format("'dmremap open {0}' starts the set; 'dmremap release-main {0}' lets go of main", name)};
}

} // namespace

void refuse_if_used(const std::string &path, bool as_spare, bool held)
{
	const std::string number = sysfs::number(path);
	std::vector<User> users = users_of(number);
	const bool shared = as_spare && std::erase_if(users, [](const User &user) { return user.remap; });

	if (users.empty() && !shared && !held && in_use(path))
		users.push_back(kept_for_a_set(path).value_or(
			User{fmt::format("{} is in use", path), "somebody holds it exclusively; 'lsof' and 'fuser -vm' may tell who"}));
	if (!users.empty())
		throw Failure(ExitStatus::busy, "busy", sentence(users));
}

void refuse_if_taken(const std::string &name)
{
	const std::optional<dm::Device> device = dm::find(name);

	if (device && device->live)
		throw Failure(ExitStatus::busy, "busy", fmt::format("a device called {} runs already", shown(name)));
	if (device)
		throw Failure(ExitStatus::busy, "busy",
			      fmt::format("a device called {0} is there without a table, as a start that was broken off leaves it: if nobody is starting it now, "
					  "'dmsetup remove {0}'",
					  device->kernel_name));
}

// As little is read as can be: where the file says that they are. All disks are looked at only if that is not all of the set.
SeenSet Starter::find_set(const StartRequest &request, const ConfiguredSet *configured) const
{
	std::vector<SeenSet> sets;

	for (const std::string &spare : request.spares) {
		Member member = open_member(MemberName::parse(spare));

		if (!member.is_member())
			throw Failure(ExitStatus::not_found, "no-set", fmt::format("{}: {}", spare, what_is_on(member)));
		add_seen(sets, std::move(member));
	}
	if (sets.size() > 1)
		throw Failure(ExitStatus::failed, "not-one-set",
			      fmt::format("{} and {} are spares of different sets", sets[0].members[0].path(), sets[1].members[0].path()));
	if (!sets.empty())
		return std::move(sets.front());
	if (configured)
		sets = configured_places(*configured);
	SeenSet *found = configured ? named(sets, configured->uuid) : nullptr;

	if (!found || !is_complete(*found)) {
		sets = machine_.scan(answer_);
		found = named(sets, configured ? configured->uuid : request.set);
	}
	if (!found)
		throw Failure(ExitStatus::not_found, configured ? "missing" : "no-set",
			      configured ? fmt::format("{}: none of its spares is there", shown(configured->name))
					 : fmt::format("{}: {} does not have it, and no spare that is seen belongs to it; name one with --spare",
						       shown(request.set), machine_.config().path()));
	return std::move(*found);
}

std::vector<SeenSet> Starter::configured_places(const ConfiguredSet &configured) const
{
	std::vector<SeenSet> sets;

	for (const ConfiguredSpare &spare : configured.spares)
		if (!spare.path.empty())
			if (std::optional<Member> member = look_for_member(spare.path, spare.start, answer_))
				add_seen(sets, std::move(*member));
	return sets;
}

void Starter::refuse_if_running(const std::string &uuid) const
{
	if (const Running *device = machine_.serving(uuid))
		throw Failure(ExitStatus::busy, "busy", fmt::format("the set runs already: {}", device->device().path));
}

// Nobody else starts the set now: a device of its name and UUID without a table was left behind.
void Starter::remove_what_was_broken_off(const Started &out) const
{
	const std::optional<dm::Device> device = dm::find(out.name);

	if (!device || device->live || device->uuid != dm_uuid_of(out.set_uuid) || device->open_count)
		return;
	answer_.warn("broken-off", fmt::format("a start of {} was broken off: the device without a table that it has left goes", shown(out.name)));
	dm::remove(*device);
}

Started Starter::start(const StartRequest &request)
{
	const ConfiguredSet *configured = machine_.config().find(request.set);

	if (machine_.unavailable())
		throw Failure(ExitStatus::failed, "device-mapper", *machine_.unavailable());
	if (configured)
		refuse_if_running(configured->uuid);
	const SeenSet set = find_set(request, configured);

	if (!configured)
		configured = machine_.config().find(set.uuid());
	// What it says of the set would be lost: another line would be written beside it.
	if (const std::string *fault = machine_.config().fault_of(set.uuid()); fault && !configured)
		throw Failure(ExitStatus::failed, "refused", *fault + ": that line is about this set: mend it first");
	const std::string recorded = set.newest().name;
	Started out = {configured ? configured->name : request.set != set.uuid() || recorded.empty() ? request.set : recorded, set.uuid(), {}, {}, {}};
	std::optional<std::string> main_id = request.main_id;
	StartWishes wishes = request.wishes;

	// In this order: the process that held main looks whether the set runs as soon as it is let go on, and needs the lock for that.
	std::optional<HeldMain> held;
	std::optional<run_dir::SetLock> lock;

	if (!answer_.manners().dry_run) {
		lock.emplace(out.set_uuid, run_dir::SetLock::Wait::yes);
		remove_what_was_broken_off(out);
	}
	refuse_if_running(out.set_uuid);
	refuse_if_taken(out.name);
	if (const ConfiguredSet *other = machine_.config().find(out.name); other && other->uuid != out.set_uuid)
		throw Failure(ExitStatus::busy, "busy",
			      fmt::format("{}:{}: set {} has the name {} here: give set {} another one with 'dmremap open NAME --spare DEV', or take that line out",
					  machine_.config().path(), other->line, other->uuid, shown(out.name), out.set_uuid));
	if (!main_id && configured)
		main_id = configured->main_id;
	if (!wishes.read_retries && configured)
		wishes.read_retries = configured->read_retries;
	const MainNow main = find_main(machine_, set.newest(), request.main, configured, main_id);

	out.main = main.path;
	out.plan = plan_start(set, main, wishes);
	if (!answer_.manners().dry_run) {
		held.emplace(out.set_uuid);
		refuse_if_released(request, out);
	}
	refuse_if_used(main.path, false, held ? held->is(sysfs::number(main.path)) : HeldMain::by_somebody(out.set_uuid));
	for (const Member &member : set.members)
		if (!member.device->block_device())
			throw Failure(ExitStatus::failed, "not-a-device",
				      fmt::format("{0}: a spare has to be a block device; 'losetup --find --show {0}' gives the file one", member.path()));
	for (const uint32_t slot : out.plan.left_out)
		answer_.warn("left-out", fmt::format("spare {} is not there: what lives on it cannot be read until it is written", slot));
	if (answer_.manners().dry_run)
		return out;
	if (request.wishes.force && !out.plan.left_out.empty())
		answer_.confirm("What was remapped last may be known to the missing spare alone: that is lost, and old data is read in its place. It can "
				"never be joined again after that.");
	out.path = dm::create(out.name, dm_uuid_of(out.set_uuid), {out.plan.segment}, wishes.read_only, [&] { held->let_go(); }).path;
	run_dir::remove(run_dir::Note::waiting, out.set_uuid);
	run_dir::remove(run_dir::Note::released, out.set_uuid);
	remember(set, out.name, main, answer_);
	return out;
}

// What was written to main meanwhile is older than what the spares have of it: only who knows that may start it.
void Starter::refuse_if_released(const StartRequest &request, const Started &out) const
{
	if (!run_dir::read(run_dir::Note::released, out.set_uuid))
		return;
	const std::string text = "main was released, and may have been written to since: where blocks are remapped, the device does not show that";

	if (request.automatic)
		throw Failure(ExitStatus::busy, "released", fmt::format("{}; 'dmremap open {}' starts it all the same", text, shown(out.name)));
	answer_.warn("released", text);
}

namespace {

// From now on main is known as one, the spares as such, and main's PARTUUID as a name of the mapped device. Without our rules udev would give
// main the links that the mapped device has.
void look_again(const SeenSet &set, const std::string &main, const std::string &name)
{
	if (!udev::hides_mains(Tree()))
		return;
	trigger_main(sysfs::number(main));
	if (const std::optional<dm::Device> device = dm::find(name))
		sysfs::trigger(device->number());
	for (const Member &member : set.members)
		sysfs::trigger(sysfs::number(member.name.path));
}

// The file has the set as it is now. Throws Failure, std::system_error.
void write_down(const SeenSet &set, const std::string &name, const MainNow &main, bool root)
{
	const dmr_setup &setup = set.newest();
	ConfigEdit edit;
	const ConfiguredSet *before = edit.config.find(set.uuid());
	ConfiguredSet now = before ? *before : ConfiguredSet();
	const std::vector<ConfiguredSpare> known = now.spares;

	now.uuid = set.uuid();
	now.name = name;
	// By whichever name it was given, as long as that is the same disk.
	if (sysfs::number(now.main) != sysfs::number(main.path) || now.main.empty())
		now.main = udev::lasting_path(main.path);
	now.root |= root;
	describe(main, now);
	now.spares.clear();
	for (uint32_t slot = 0; slot < setup.member_count; slot++) {
		if (!belongs(setup.members[slot]))
			continue;
		const Member *member = set.member(slot);
		ConfiguredSpare spare = {uuid_text(setup.members[slot].uuid), {}, 0};
		const auto old = std::find_if(known.begin(), known.end(), [&](const ConfiguredSpare &other) { return other.uuid == spare.uuid; });

		if (old != known.end() && (!member || (sysfs::number(old->path) == sysfs::number(member->name.path) &&
						       old->start == member->range.start)))
			spare = *old;
		else if (member)
			spare = {spare.uuid, udev::lasting_path(member->name.path), member->range.start};
		now.spares.push_back(spare);
	}
	if (before && *before == now)
		return;
	edit.config.put(std::move(now));
	edit.commit();
	look_again(set, main.path, name);
}

template <typename F>
void or_warn(Answer &answer, F write)
{
	try {
		write();
	} catch (const Failure &failure) {
		answer.warn("not-configured", fmt::format("{}: the set is not noted in {}", failure.what(), SetsConfig::default_path()));
	} catch (const std::system_error &error) {
		answer.warn("not-configured",
			    fmt::format("{}: the set is not noted there, and nothing starts it after a reboot", error.what()));
	}
}

} // namespace

void remember(const SeenSet &set, const std::string &name, const MainNow &main, Answer &answer, bool root)
{
	or_warn(answer, [&] { write_down(set, name, main, root); });
}

void remember(const Running &device, Answer &answer)
{
	std::vector<SeenSet> sets;

	for (const RunningSpare &spare : device.spares())
		if (std::optional<Member> member = look_for_member(sysfs::node(spare.number), spare.start, answer))
			add_seen(sets, std::move(*member));
	if (sets.size() != 1)
		return;
	or_warn(answer, [&] {
		MainNow main = describe_main(sysfs::node(device.main_number()));

		// As its table calls it.
		copy_text(main.identity.id, sets.front().newest().main.id);
		write_down(sets.front(), device.name(), main, false);
	});
}

} // namespace dm_remap::tool
