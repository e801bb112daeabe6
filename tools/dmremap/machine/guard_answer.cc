// SPDX-License-Identifier: GPL-2.0
#include "machine/guard_answer.hh"

#include "doctor/raw_main.hh"
#include "guard_text.hh"
#include "job_text.hh"

#include <dm_remap/kernel_api.h>

namespace dm_remap::tool {

namespace {

SectorRange sectors_of(const SignaturePlace &place)
{
	const uint64_t start = place.offset / DMR_SECTOR_SIZE, end = (place.offset + place.bytes + DMR_SECTOR_SIZE - 1) / DMR_SECTOR_SIZE;

	return {start, end - start};
}

std::string joined(const std::vector<std::string> &words)
{
	std::string out;

	for (const std::string &word : words)
		out += (out.empty() ? "" : ", ") + word;
	return out;
}

} // namespace

void confirm_guard(Answer &answer, const Subject &subject)
{
	if (const std::string what = started_from_main(Tree(), subject); !what.empty())
		answer.confirm(fmt::format("{}: with a guard on {} that is not found there any more, and this machine does not start.", what, subject.main));
}

void list_places(Answer &answer, const std::vector<GuardPlace> &places)
{
	for (const GuardPlace &place : places)
		answer.line("    {}: {}", range_text({place.sectors.start, place.sectors.count}), place.what);
}

void tell_guarded(Answer &answer, const Subject &subject, const Guarded &guarded)
{
	for (const std::string &gap : guarded.gaps)
		answer.warn("incomplete", gap);
	// They are of the table that nobody finds any more.
	if (guarded.left.empty() && !guarded.partitions.empty())
		answer.warn("partitions", fmt::format("the kernel goes on showing {} until it reads {} anew: 'partx --delete {}' takes them away, if nobody uses them",
						      joined(guarded.partitions), subject.main, subject.main));
	if (answer.as_json())
		return;
	answer.line("{}: the guard is {}", shown(subject.name), guarded.guard	   ? guard_text(*guarded.guard)
								  : guarded.unreadable ? "not there: what it was to guard cannot be read"
										       : "not there: another job has taken it off");
	if (guarded.refused)
		answer.line("{} sectors of {} do not take their guard, and show what they held: 'dmremap guard on {}' again, when it takes writes", guarded.refused,
			    subject.main, subject.name);
	if (guarded.unreadable)
		answer.line("{} sectors cannot be read, and are not guarded: 'dmremap retry {}' may bring those that are pending, then 'dmremap guard on {}' again",
			    guarded.unreadable, subject.name, subject.name);
	for (const SignaturePlace &place : guarded.left) {
		const SectorRange sectors = sectors_of(place);

		answer.line("{} still shows {}, by {}: 'dmsetup message {} 0 guard {} {}' guards that too, if the device goes that far", subject.main,
			    place.signature.text(), range_text(sectors), subject.name, sectors.start, sectors.sectors);
	}
	if (guarded.left.empty())
		answer.line("nothing is recognised on {} itself any more; {} is what it was", subject.main, subject.device);
}

void write_guarded(JsonWriter &out, const std::vector<GuardPlace> &places, const std::optional<Guarded> &guarded)
{
	out.begin_array("places");
	for (const GuardPlace &place : places) {
		out.begin_object({}, JsonWriter::Style::compact);
		out.value("sector", place.sectors.start);
		out.value("sectors", place.sectors.count);
		out.value("what", place.what);
		out.end();
	}
	out.end();
	if (!guarded) {
		out.null("recognised");
		out.null("unreadable_sectors");
		out.null("refused_sectors");
		out.null("guard");
		return;
	}
	out.begin_array("recognised");
	for (const SignaturePlace &place : guarded->left) {
		const SectorRange sectors = sectors_of(place);

		out.begin_object({}, JsonWriter::Style::compact);
		out.value("sector", sectors.start);
		out.value("sectors", sectors.sectors);
		out.value("what", place.signature.text());
		out.end();
	}
	out.end();
	out.value("unreadable_sectors", guarded->unreadable);
	out.value("refused_sectors", guarded->refused);
	write_guard(out, guarded->guard);
}

} // namespace dm_remap::tool
