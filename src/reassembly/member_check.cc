// SPDX-License-Identifier: GPL-2.0
#include "reassembly/member_check.hh"

#include "reassembly/signatures.hh"

namespace dm_remap::reassembly {

namespace {

unsigned long long print(uint64_t n)
{
	return n;
}

// The end of a refusal that has said already how to keep what is there.
Error advise_format(NamedBy by, Refusal &refusal)
{
	if (by == NamedBy::table)
		DMR_APPEND(refusal, "; to use it all the same and lose that, add the feature argument 'format'");
	else
		DMR_APPEND(refusal, "; to use it all the same and lose that, load a table that names it, with 'format'");
	return Error(EINVAL);
}

Error refuse_foreign(const dmr_assembly_member &member, NamedBy by, Refusal &refusal)
{
	const char *name = member.info.name;
	RangeReader reader(*member.range);

	if (const std::optional<Signature> found = find_signature(reader))
		DMR_APPEND(refusal, "spare %s holds %s (magic at byte %llu of its range): name another spare", name,
			   found->what, print(found->offset));
	else
		DMR_APPEND(refusal,
			   "spare %s is not blank: sector %llu of its range is not zero, and the content is of no known "
			   "kind: name another spare",
			   name, print(member.probe->first_nonzero_sector));
	return advise_format(by, refusal);
}

// The reader of the superblock has checked this already; own_entry() relies on it.
Error refuse_unless_indexed(const dmr_assembly_member &member, Refusal &refusal)
{
	const dmr_setup &setup = member.probe->setup;

	if (setup.member_count && setup.member_count <= DMR_MAX_MEMBERS && setup.own_index < setup.member_count)
		return Error::none();
	return DMR_REFUSE(refusal, "spare %s: its superblock calls it member %u of %u, which cannot be: see docs/administration.md",
			  member.info.name, setup.own_index, setup.member_count);
}

} // namespace

void advise_reuse(const dmr_assembly_member &member, NamedBy by, Refusal &refusal)
{
	const bool table = by == NamedBy::table;

	DMR_APPEND(refusal, "; to lose its map, run 'blkdiscard -z -o %llu -l %llu /dev/block/%s'%s",
		   print(member.range->start * DMR_SECTOR_SIZE),
		   print((table ? own_entry(member).data_start : member.range->sectors) * DMR_SECTOR_SIZE),
		   member.info.name, table ? " and add 'format'" : "");
}

Error refuse_if_read_only(const dmr_assembly_request &request, const dmr_assembly_member &member, Refusal &refusal)
{
	if (!request.read_only)
		return Error::none();
	return DMR_REFUSE(refusal,
			  "spare %s would have to be formatted, and a read-only table writes nothing: load the "
			  "table read-write once, or name a spare that is in use already",
			  member.info.name);
}

Error refuse_unless_range_fits(const dmr_assembly_member &member, Refusal &refusal)
{
	if (own_entry(member).sectors == member.range->sectors)
		return Error::none();
	return DMR_REFUSE(refusal,
			  "spare %s was formatted as a range of %llu sectors, the table names %llu from sector %llu "
			  "on: name the range as it was formatted",
			  member.info.name, print(own_entry(member).sectors), print(member.range->sectors),
			  print(member.range->start));
}

Result<Standing> check_member(const dmr_assembly_request &request, const dmr_assembly_member &member, NamedBy by,
			      Refusal &refusal)
{
	const char *name = member.info.name;

	if (member.info.read_only && !request.read_only)
		return DMR_REFUSE(refusal,
				  "spare %s is read-only: make it writable ('blockdev --setrw /dev/block/%s'), or "
				  "create the device read-only",
				  name, name);
	if (member.info.logical_block_bytes > request.main->block_bytes)
		return DMR_REFUSE(refusal,
				  "spare %s has logical blocks of %u bytes, main of %u: a block of main could not be "
				  "written to it alone; name a spare with blocks of %u bytes",
				  name, member.info.logical_block_bytes, request.main->block_bytes,
				  request.main->block_bytes);

	switch (member.probe->verdict) {
	case DMR_PROBE_BLANK:
		break;
	case DMR_PROBE_MEMBER:
		if (Error error = refuse_unless_indexed(member, refusal))
			return error;
		if (own_entry(member).state == DMR_MEMBER_JOINING)
			return Standing::joining;
		if (by == NamedBy::table)
			if (Error error = refuse_unless_range_fits(member, refusal))
				return error;
		return Standing::member;
	case DMR_PROBE_FOREIGN:
		if (!request.format)
			return refuse_foreign(member, by, refusal);
		break;
	case DMR_PROBE_DAMAGED:
		if (!request.format) {
			DMR_APPEND(refusal,
				   "spare %s holds dm-remap metadata, but no copy of its superblock verifies: make an "
				   "image of it and see docs/administration.md",
				   name);
			return advise_format(by, refusal);
		}
		break;
	case DMR_PROBE_AMBIGUOUS:
		return DMR_REFUSE(refusal,
				  "spare %s holds superblocks of two different spares that both verify: see "
				  "docs/administration.md; 'format' does not touch them",
				  name);
	case DMR_PROBE_UNSUPPORTED:
		return DMR_REFUSE(refusal,
				  "spare %s holds dm-remap metadata of a version that this module does not know: load "
				  "newer modules; 'format' does not touch it",
				  name);
	default:
		return DMR_REFUSE(refusal, "spare %s: the probe's verdict %d is unknown: the modules do not match", name,
				  static_cast<int>(member.probe->verdict));
	}
	if (Error error = refuse_if_read_only(request, member, refusal))
		return error;
	return Standing::to_format;
}

} // namespace dm_remap::reassembly
