// SPDX-License-Identifier: GPL-2.0
#include "line_taken_out.hh"

#include "answer.hh"

#include <system_error>

namespace dm_remap::tool {

LineTakenOut::LineTakenOut(const std::string &set)
{
	try {
		ConfigEdit edit;
		const ConfiguredSet *line = edit.config.find(set);

		if (!line)
			return;
		const ConfiguredSet before = *line;

		edit.config.remove(before.uuid);
		edit.commit();
		line_ = before;
	} catch (const std::system_error &error) {
		fault_ = error.what();
	}
}

LineTakenOut::~LineTakenOut()
{
	if (!line_)
		return;
	try {
		ConfigEdit edit;

		edit.config.put(*line_);
		edit.commit();
	} catch (const std::system_error &error) {
		say(fmt::format("{}: put a line for set {} back by hand: set {} name={} main={}", error.what(), line_->uuid, line_->uuid, line_->name,
				line_->main));
	}
}

} // namespace dm_remap::tool
