// SPDX-License-Identifier: GPL-2.0
#include "reassembly/main_check.hh"

#include "reassembly/member_check.hh"

namespace dm_remap::reassembly {

namespace {

// Of what is known then and now.
enum class Agreement : uint8_t { unknown, same, differs };

Agreement compare(const char *known, const char *now)
{
	if (!known[0] || !now[0])
		return Agreement::unknown;
	return __builtin_strncmp(known, now, DMR_IDENTITY_SIZE) ? Agreement::differs : Agreement::same;
}

bool starts_with(const char *text, const char *prefix)
{
	return !__builtin_strncmp(text, prefix, __builtin_strlen(prefix));
}

bool has_partuuid(const dmr_main_identity &main)
{
	return starts_with(main.identity, "partuuid:");
}

bool has_place(const dmr_main_identity &main)
{
	return starts_with(main.identity, "start:");
}

enum class Shape : uint8_t { unknown, partition, whole_disk };

Shape shape_of(const dmr_main_identity &main)
{
	if (has_partuuid(main) || has_place(main))
		return Shape::partition;
	if (main.identity[0])
		return Shape::whole_disk;
	// Of a partition without a PARTUUID earlier versions have recorded nothing but its disk.
	return main.disk[0] ? Shape::partition : Shape::unknown;
}

// Of a device that is there it is always known.
Shape shape_now(const dmr_main_identity &main)
{
	const Shape shape = shape_of(main);

	return shape == Shape::unknown ? Shape::whole_disk : shape;
}

// What the kernel calls the disk. Of a whole one earlier versions have recorded that as its identity alone.
const char *disk_of(const dmr_main_identity &main)
{
	return !main.disk[0] && shape_of(main) == Shape::whole_disk ? main.identity : main.disk;
}

const char *print(Shape shape)
{
	return shape == Shape::partition ? "a partition" : "a whole disk";
}

// A main that the set knows, against one that a table names.
class Comparison final {
public:
	Comparison(const dmr_main_identity &known, const dmr_main_identity &now, const char *place)
		: known_(known), now_(now), place_(place), shape_(shape_of(known)),
		  identity_(compare_identity()), disk_(compare(disk_of(known), disk_of(now)))
	{
		// The kernel's word for the disk is better than the table's, which may call it by another name today.
		if (disk_ == Agreement::unknown)
			disk_ = id_ = compare(known.id, now.id);
		// The table may also say what the kernel said then, and says no more.
		if (disk_ == Agreement::unknown && compare(disk_of(known), now.id) == Agreement::same)
			disk_ = Agreement::same;
	}

	// The same partition by its UUID, on another disk: either is a copy, and nobody knows which.
	bool copied() const
	{
		return !has_place(known_) && identity_ == Agreement::same && disk_ == Agreement::differs;
	}
	bool another() const { return identity_ == Agreement::differs || disk_ == Agreement::differs; }
	// A disk and a part of it have that disk in common, and nothing else.
	bool other_shape() const { return shape_ != Shape::unknown && shape_ != shape_now(now_); }
	bool partuuid_is_gone() const { return has_partuuid(known_) && has_place(now_); }
	// The disk was known, and nobody says now which one it is: a copy of main would look the same.
	bool disk_is_gone() const { return disk_ == Agreement::unknown && known_disk()[0]; }
	// By which the table may call it, if it is the one.
	const char *known_disk() const { return known_.id[0] ? known_.id : disk_of(known_); }
	// Nothing but its size speaks against its being the same. A partition is not the same because its disk is.
	bool sure() const
	{
		if (another() || other_shape() || disk_is_gone())
			return false;
		// Partitions of many disks begin at the same place.
		if (identity_ == Agreement::same)
			return !has_place(known_) || disk_ == Agreement::same;
		return shape_now(now_) == Shape::whole_disk && disk_ == Agreement::same;
	}
	MainMatch match() const
	{
		if (copied())
			return MainMatch::copied;
		return another() || other_shape() ? MainMatch::another : sure() ? MainMatch::same : MainMatch::unsure;
	}
	// What the two are called where they differ.
	const char *known_name() const { return name(known_, known_.identity); }
	const char *name_now() const { return name(now_, has_place(known_) ? place_ : now_.identity); }
	const char *known_shape() const { return print(shape_); }
	const char *shape_is_now() const { return print(shape_now(now_)); }

private:
	// Where a partition begins counts until its PARTUUID is known.
	Agreement compare_identity() const
	{
		if (has_place(known_))
			return compare(known_.identity, place_);
		return partuuid_is_gone() ? Agreement::unknown : compare(known_.identity, now_.identity);
	}
	const char *name(const dmr_main_identity &main, const char *identity) const
	{
		if (identity_ == Agreement::differs)
			return tail(identity);
		return tail(id_ == Agreement::differs ? main.id : main.disk);
	}

	const dmr_main_identity &known_, &now_;
	const char *place_;
	Shape shape_;
	Agreement identity_, disk_, id_ = Agreement::unknown;
};

} // namespace

MainMatch match_mains(const dmr_main_identity &known, const dmr_main_identity &now, const char *place)
{
	return Comparison(known, now, place).match();
}

Error refuse_unless_main_fits(const dmr_assembly_request &request, const dmr_assembly_member &newest, Refusal &refusal)
{
	const char *spare = newest.info.name;
	const dmr_main_identity &known = newest.probe->setup.main, &now = *request.main;
	const Comparison comparison(known, now, request.main_place);

	// Its map counts in other blocks: not even `new_main` makes it fit.
	if (known.block_bytes != now.block_bytes) {
		Error error = DMR_REFUSE(refusal,
					 "spare %s belongs to a set whose main has blocks of %u bytes, those of this "
					 "main have %u: name that main",
					 spare, known.block_bytes, now.block_bytes);
		advise_reuse(newest, NamedBy::table, refusal);
		return error;
	}
	if (request.new_main)
		return Error::none();
	if (comparison.copied())
		return DMR_REFUSE(refusal,
				  "spare %s: its main is on disk '%s', this one, of the same PARTUUID, on '%s': a copy; name "
				  "the one that was in use, or, if this copy is to be main from now on, add 'new_main'",
				  spare, comparison.known_name(), comparison.name_now());
	if (comparison.another())
		return DMR_REFUSE(refusal,
				  "spare %s belongs to main '%s', this main is '%s': name that main; if this is a raw copy "
				  "of it, to be main from now on, add 'new_main'; to give its map up: docs/administration.md",
				  spare, comparison.known_name(), comparison.name_now());
	if (comparison.other_shape())
		return DMR_REFUSE(refusal,
				  "spare %s belongs to a main that is %s, '%s', this one is %s: name that main; if this is "
				  "a raw copy of it, to be main from now on, add 'new_main'; to give its map up: "
				  "docs/administration.md",
				  spare, comparison.known_shape(), tail(known.identity[0] ? known.identity : known.disk),
				  comparison.shape_is_now());
	if (comparison.partuuid_is_gone())
		return DMR_REFUSE(refusal,
				  "spare %s belongs to main '%s', and the kernel knows no PARTUUID of this partition: have "
				  "it read the partition table (blockdev --rereadpt, a restart); if this is a raw copy of "
				  "that main, add 'new_main'",
				  spare, tail(known.identity));
	if (comparison.disk_is_gone())
		return DMR_REFUSE(refusal,
				  "spare %s: its main's disk is known, this one's is not: name that main; if this is it, add "
				  "'main_id %s'; if it is a raw copy, to be main from now on, add 'new_main'",
				  spare, tail(comparison.known_disk(), 80));
	if (now.sectors < known.sectors && !comparison.sure())
		return DMR_REFUSE(refusal,
				  "spare %s belongs to a set whose main had %llu sectors, this main has %llu: name that "
				  "main, or make it as large again; if it was made smaller, and this is the one, add "
				  "'new_main'",
				  spare, static_cast<unsigned long long>(known.sectors),
				  static_cast<unsigned long long>(now.sectors));
	return Error::none();
}

bool main_is_new(const dmr_assembly_request &request, const dmr_assembly_member &newest)
{
	return request.new_main && !Comparison(newest.probe->setup.main, *request.main, request.main_place).sure();
}

} // namespace dm_remap::reassembly
