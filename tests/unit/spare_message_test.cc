// SPDX-License-Identifier: GPL-2.0
// The messages about spares: what is accepted, and every refusal word for word.
#include "core/engine/table_faults.hh"
#include "message_words.hh"

using namespace dm_remap;

namespace {

auto parse(std::vector<std::string> words)
{
	return parse_words(dmr_spare_message_parse, std::move(words));
}

#define ADD "the message is add_spare <dev> [<start> <sectors>]"
#define REMOVE "the message is remove_spare <dev> [cancel|force]"
#define FORGET "the message is forget_spare <number> [force]"
#define NOT_SPARE_NUMBER "not the number of a spare; give one from 0 to 15, as 'status' tells it"
#define NO_DEVICE "not a device; give its path or <major>:<minor>"
#define NOT_SECTORS "not a number of 512-byte sectors; give decimal digits only"

const RefusedWords refused[] = {
	{{"add_spare"}, "message 'add_spare': names no spare; " ADD},
	{{"add_spare", ""}, "spare '': " NO_DEVICE},
	{{"add_spare", "-"}, "spare '-': " NO_DEVICE},
	{{"add_spare", "/dev/c", "0"}, "sectors '': missing; after a start give the sectors, " ADD},
	{{"add_spare", "/dev/c", "x", "1"}, "start 'x': " NOT_SECTORS},
	{{"add_spare", "/dev/c", "0", "-1"}, "sectors '-1': " NOT_SECTORS},
	{{"add_spare", "/dev/c", "0", "0"},
	 "sectors '0': leaves no room for a spare; give the length of the range in 512-byte sectors"},
	{{"add_spare", "/dev/c", "18014398509481984", "1"},
	 "start '18014398509481984': too large; no device has more than 18014398509481983 sectors"},
	{{"add_spare", "/dev/c", "18014398509481983", "1"},
	 "sectors '1': too large; with its start it goes beyond 18014398509481983 sectors, more than any device has"},
	{{"add_spare", "/dev/c", "0", "1", "format"}, "word 'format': one word too many; " ADD},
	{{"remove_spare"}, "message 'remove_spare': names no spare; " REMOVE},
	{{"remove_spare", ""}, "spare '': " NO_DEVICE},
	{{"remove_spare", "-"}, "spare '-': " NO_DEVICE},
	{{"remove_spare", "/dev/c", "now"}, "word 'now': unknown; " REMOVE},
	{{"remove_spare", "/dev/c", ""}, "word '': unknown; " REMOVE},
	{{"remove_spare", "/dev/c", "0", "1"}, "word '0': unknown; " REMOVE},
	{{"remove_spare", "/dev/c", "force", "cancel"}, "word 'cancel': one word too many; " REMOVE},
	{{"remove_spare", "/dev/c", "cancel", "cancel"}, "word 'cancel': one word too many; " REMOVE},
	{{"forget_spare"}, "message 'forget_spare': names no spare; " FORGET},
	{{"forget_spare", ""}, "number '': " NOT_SPARE_NUMBER},
	{{"forget_spare", "8:16"}, "number '8:16': " NOT_SPARE_NUMBER},
	{{"forget_spare", "-1"}, "number '-1': " NOT_SPARE_NUMBER},
	{{"forget_spare", "16"}, "number '16': " NOT_SPARE_NUMBER},
	{{"forget_spare", "18446744073709551616"}, "number '18446744073709551616': " NOT_SPARE_NUMBER},
	{{"forget_spare", "1", "cancel"}, "word 'cancel': unknown; " FORGET},
	{{"forget_spare", "1", "force", "force"}, "word 'force': one word too many; " FORGET},
};

TEST(SpareMessage, RefusesWithTheReason)
{
	expect_refused(parse, refused);
}

TEST(SpareMessage, EveryFaultOfMessagesIsAmongTheRefused)
{
	for (size_t i = static_cast<size_t>(TableFault::add_device_missing); i < static_cast<size_t>(TableFault::list_not_count); i++) {
		bool seen = false;

		for (const RefusedWords &r : refused)
			seen = seen || r.reason.find(table_fault_texts[i].text) != std::string::npos;
		EXPECT_TRUE(seen) << table_fault_texts[i].text;
	}
}

TEST(SpareMessage, Add)
{
	auto p = parse({"add_spare", "8:32"});

	ASSERT_EQ(p.result, 1) << p.reason;
	EXPECT_EQ(p.reason, "");
	EXPECT_EQ(p.message.path, p.words[1].c_str());
	EXPECT_EQ(p.message.change, DMR_SPARE_ADD);
	EXPECT_EQ(p.message.start, 0u);
	EXPECT_EQ(p.message.sectors, 0u) << "to the end of the device";

	p = parse({"add_spare", "/dev/c", "2048", "100"});
	ASSERT_EQ(p.result, 1) << p.reason;
	EXPECT_EQ(p.message.start, 2048u);
	EXPECT_EQ(p.message.sectors, 100u);
}

TEST(SpareMessage, Remove)
{
	auto p = parse({"remove_spare", "/dev/c"});

	ASSERT_EQ(p.result, 1) << p.reason;
	EXPECT_STREQ(p.message.path, "/dev/c");
	EXPECT_EQ(p.message.change, DMR_SPARE_REMOVE);

	p = parse({"remove_spare", "cancel", "cancel"});
	ASSERT_EQ(p.result, 1) << p.reason;
	EXPECT_STREQ(p.message.path, "cancel");
	EXPECT_EQ(p.message.change, DMR_SPARE_CANCEL);
}

TEST(SpareMessage, Forget)
{
	auto p = parse({"forget_spare", "15"});

	ASSERT_EQ(p.result, 1) << p.reason;
	EXPECT_EQ(p.message.change, DMR_SPARE_FORGET);
	EXPECT_EQ(p.message.path, nullptr);
	EXPECT_EQ(p.message.number, 15u);
	EXPECT_FALSE(p.message.force);

	p = parse({"forget_spare", "0", "force"});
	ASSERT_EQ(p.result, 1) << p.reason;
	EXPECT_EQ(p.message.number, 0u);
	EXPECT_TRUE(p.message.force);
}

TEST(SpareMessage, OthersAreForOthers)
{
	for (const char *word : {"", "status", "add_spar", "add_spare_", "ADD_SPARE", "remove_spares", "forget_spar", "help"}) {
		const auto p = parse({word, "/dev/c"});

		EXPECT_EQ(p.result, 0) << word;
		EXPECT_EQ(p.reason, "");
	}
	EXPECT_EQ(parse({}).result, 0);
}

} // namespace
