// SPDX-License-Identifier: GPL-2.0
// Sectors that go bad, spares that fail as a whole.
#include "actors.hh"

namespace dm_remap::stress {

namespace {

Disk::Condition condition_of(const Subject &s, Kind kind)
{
	switch (kind) {
	case Kind::spare_read_only:
		return s.side == Side::strict ? Disk::Condition::read_only_medium : Disk::Condition::read_only;
	case Kind::spare_dead_medium:
		return Disk::Condition::dead_medium;
	case Kind::flush_fails:
		return Disk::Condition::no_flush;
	default:
		return Disk::Condition::dead;
	}
}

Faults::What fault_of(const Action &action)
{
	switch (action.kind) {
	case Kind::spare_read_only:
		return Faults::What::spare_flush;
	case Kind::flush_fails:
		return action.which < spares ? Faults::What::spare_flush : Faults::What::main_flush;
	case Kind::all_dead:
		return Faults::What::all_gone;
	default:
		return Faults::What::spare_gone;
	}
}

// Only when all are well, so that one at least always takes what is written. On *strict* it explains nothing.
void misfortune(Subject &s, const Action &action)
{
	const bool all = action.kind == Kind::all_dead;

	if (!s.settle())
		return;
	const uint32_t fault = s.side == Side::rough ? s.faults.begin(fault_of(action)) : 0;
	const auto turn = [&](Disk::Condition condition) {
		const Busy busy("a disk that fails");

		for (uint32_t i = 0; i < spares; i++) {
			if (all || i == action.which)
				s.must(s.spare(i).turn(condition), "a disk that fails");
		}
		if (action.which == spares)
			s.must(s.main().turn(condition), "main that fails flushes");
	};

	turn(condition_of(s, action.kind));
	s.watch.pause(all ? action.hold_ms / 4 : action.hold_ms);
	turn(Disk::Condition::good);
	// Blocks that nobody could record are in doubt until a table is loaded.
	if (all)
		s.settle();
	if (s.side == Side::rough)
		s.faults.end(fault);
	s.watch.count(s.side, action.kind, Watch::done);
}

} // namespace

void go_wrong(Subject &s, const Action &action)
{
	Disk::Healed healed;

	switch (action.kind) {
	case Kind::bad_main:
		// On *rough* what was there may be lost.
		s.main_bad(action.start, action.sectors, s.side == Side::rough && action.which);
		break;
	case Kind::bad_spare:
		s.must(s.spare(action.which).bad({s.data_start() + action.start, action.sectors, false}, healed),
		       "bad sectors of a spare");
		break;
	case Kind::weak_main: {
		const Busy busy("weak sectors");

		s.must(s.main().weak(action.start, weak_count, weak_stride, action.hold_ms), "weak sectors of main");
		break;
	}
	case Kind::unreadable_main:
		s.main_bad(action.start, action.sectors, true);
		s.watch.pause(action.hold_ms);
		s.main_good(action.start, action.sectors);
		break;
	default:
		return misfortune(s, action);
	}
	s.watch.count(s.side, action.kind, Watch::done);
}

} // namespace dm_remap::stress
