// SPDX-License-Identifier: GPL-2.0
// The verbs that there are, in the order of the help.
#ifndef DMREMAP_VERBS_HH
#define DMREMAP_VERBS_HH

#include "verb.hh"

namespace dm_remap::tool {

std::unique_ptr<Verb> make_create();
std::unique_ptr<Verb> make_open();
std::unique_ptr<Verb> make_close();
std::unique_ptr<Verb> make_assemble();
std::unique_ptr<Verb> make_status();
std::unique_ptr<Verb> make_health();
std::unique_ptr<Verb> make_report();
std::unique_ptr<Verb> make_metrics();
std::unique_ptr<Verb> make_nagios();
std::unique_ptr<Verb> make_monitor();
std::unique_ptr<Verb> make_list();
std::unique_ptr<Verb> make_examine();
std::unique_ptr<Verb> make_map();
std::unique_ptr<Verb> make_files();
std::unique_ptr<Verb> make_check();
std::unique_ptr<Verb> make_dump();
std::unique_ptr<Verb> make_restore();
std::unique_ptr<Verb> make_repair();
std::unique_ptr<Verb> make_export_table();
std::unique_ptr<Verb> make_add_spare();
std::unique_ptr<Verb> make_remove_spare();
std::unique_ptr<Verb> make_forget_spare();
std::unique_ptr<Verb> make_remap();
std::unique_ptr<Verb> make_unremap();
std::unique_ptr<Verb> make_retry();
std::unique_ptr<Verb> make_stop_job();
std::unique_ptr<Verb> make_scrub();
std::unique_ptr<Verb> make_guard();
std::unique_ptr<Verb> make_import();
std::unique_ptr<Verb> make_smart();
std::unique_ptr<Verb> make_replace();
std::unique_ptr<Verb> make_doctor();
std::unique_ptr<Verb> make_release_main();
std::unique_ptr<Verb> make_hold();
std::unique_ptr<Verb> make_udev_main();
std::unique_ptr<Verb> make_udev_spare();
std::unique_ptr<Verb> make_udev_device();
std::unique_ptr<Verb> make_selftest();

inline constexpr MakeVerb verbs[] = {
	make_create, make_open, make_close, make_assemble, make_status, make_health, make_report, make_metrics,
	make_nagios, make_monitor, make_list,
	make_examine, make_map, make_files, make_check, make_dump, make_restore,
	make_repair, make_export_table, make_add_spare, make_remove_spare, make_forget_spare,
	make_remap, make_unremap, make_retry, make_stop_job, make_import, make_scrub, make_guard, make_smart,
	make_replace, make_doctor, make_selftest, make_release_main, make_hold,
	make_udev_main, make_udev_spare, make_udev_device,
};

} // namespace dm_remap::tool

#endif
