// SPDX-License-Identifier: GPL-2.0
// The Prometheus text exposition of what a snapshot has.
#include "stats/families.hh"
#include "stats/text.hh"

namespace dm_remap::stats {

namespace {

void put_heading(Text &text, const char *name, const char *help)
{
	text.put("# HELP ");
	text.put(family_prefix);
	text.put(name);
	text.put(' ');
	text.put(help);
	text.put("\n# TYPE ");
	text.put(family_prefix);
	text.put(name);
	text.put(is_counter(name) ? " counter\n" : " gauge\n");
}

// The sample's name and labels; device nullptr: without.
void put_series(Text &text, const char *name, const char *device)
{
	text.put(family_prefix);
	text.put(name);
	if (device) {
		text.put("{device=\"");
		text.put_label(device);
		text.put("\"}");
	}
	text.put(' ');
}

void put_family(Text &text, const Family &m, const dmr_snapshot *devices, uint32_t count)
{
	put_heading(text, m.name, m.help);
	for (uint32_t i = 0; i < count; i++) {
		const uint64_t value = m.value(devices[i]);

		put_series(text, m.name, devices[i].name);
		if (m.unit == Unit::seconds)
			text.put_seconds(value);
		else
			text.put(m.unit == Unit::bytes ? value * DMR_SECTOR_SIZE : value);
		text.put('\n');
	}
}

// Says that the text is not whole. With one device it carries its label, so that the files of several can be collected.
void put_omitted(Text &text, uint32_t omitted, const dmr_snapshot *devices, uint32_t count)
{
	put_heading(text, "omitted_metrics", "Left out for want of space.");
	put_series(text, "omitted_metrics", count == 1 ? devices[0].name : nullptr);
	text.put(uint64_t(omitted));
	text.put('\n');
}

} // namespace

} // namespace dm_remap::stats

extern "C" int dmr_stats_prometheus(const dmr_snapshot *devices, uint32_t count, char *buf, size_t size)
{
	using namespace dm_remap::stats;

	Text text(buf, size);

	if (!count)
		return 0;
	// How long the closing family is is found by writing it; any number of omissions has at most two digits.
	static_assert(family_count < 100);
	put_omitted(text, 99, devices, count);
	const size_t closing = text.length();
	text.rewind(0);

	// The text up to here, and the metrics in it, still leave room to say that there are more.
	size_t closable = 0;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < family_count && !text.overflowed(); i++) {
		put_family(text, families[i], devices, count);
		if (!text.overflowed() && text.length() + closing < size) {
			closable = text.length();
			kept = i + 1;
		}
	}
	if (text.overflowed()) {
		text.rewind(closable);
		put_omitted(text, family_count - kept, devices, count);
	}
	// Not even room for that.
	if (text.overflowed())
		text.rewind(0);
	return static_cast<int>(text.length());
}

static bool named_before(const dmr_snapshot *devices, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (!__builtin_strcmp(devices[i].name, name))
			return true;
	return false;
}

extern "C" void dmr_stats_tell_apart(dmr_snapshot *devices, uint32_t count)
{
	using namespace dm_remap::stats;

	for (uint32_t i = 0; i < count; i++) {
		char *name = devices[i].name;
		const size_t length = __builtin_strlen(name), kept = length < 100 ? length : 100;

		for (uint64_t n = 1; named_before(devices, i, name); n++) {
			Text text(name + kept, sizeof(devices[i].name) - kept);

			text.put('.');
			text.put(n);
		}
	}
}
