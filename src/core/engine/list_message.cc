// SPDX-License-Identifier: GPL-2.0
// The words of the message that lists extents.
#include "core/engine/words.hh"

#include <dm_remap/engine.h>
#include <dm_remap/text.hh>

int dmr_list_message_parse(unsigned int argc, char **argv, struct dmr_list_message *out, char *reason)
{
	using namespace dm_remap;
	static constexpr NumberWord count = {1, 65536, TableFault::list_not_count, TableFault::list_not_count};
	const Words words(reason);

	*out = {0, 512};
	if (!argc || !same_text(argv[0], "list"))
		return 0;
	if (argc > 3)
		words.fail("word", argv[3], TableFault::list_too_many);
	else if ((argc < 2 || words.sectors("from", argv[1], out->from)) &&
		 (argc < 3 || words.number("count", argv[2], count, out->count)))
		return 1;
	return -EINVAL;
}
