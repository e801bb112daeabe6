// SPDX-License-Identifier: GPL-2.0
#include "machine/fstab.hh"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <libmount/libmount.h>
#include <memory>

namespace dm_remap::tool {

namespace {

struct Release {
	void operator()(libmnt_table *table) const { mnt_unref_table(table); }
	void operator()(libmnt_iter *iterator) const { mnt_free_iter(iterator); }
	void operator()(std::FILE *file) const { std::fclose(file); }
	void operator()(char *text) const { std::free(text); }
};

std::string text_or(const char *text, const char *other)
{
	return text ? text : other;
}

// With blanks as \040.
std::string word(const std::string &text)
{
	const std::unique_ptr<char, Release> mangled(mnt_mangle(text.c_str()));

	return mangled ? mangled.get() : text;
}

} // namespace

bool FstabLine::has_option(const char *name) const
{
	// Not mnt_match_options(), which takes the "no" of a name for a negation.
	return mnt_optstr_get_option(options.c_str(), name, nullptr, nullptr) == 0;
}

std::string FstabLine::text() const
{
	return fmt::format("{} {} {} {} {} {}", word(source), word(target), type, options, freq, pass);
}

std::vector<FstabLine> fstab_of(const Tree &tree)
{
	const char *path = "/etc/fstab";
	std::optional<std::string> text = tree.text(path);
	std::vector<FstabLine> out;

	if (!text || text->empty())
		return out;
	const std::unique_ptr<std::FILE, Release> file(fmemopen(text->data(), text->size(), "r"));
	const std::unique_ptr<libmnt_table, Release> table(mnt_new_table());
	const std::unique_ptr<libmnt_iter, Release> at(mnt_new_iter(MNT_ITER_FORWARD));

	// A line that it does not understand hides no other.
	if (!file || !table || !at || mnt_table_parse_stream(table.get(), file.get(), path) < 0)
		return out;
	for (libmnt_fs *fs; !mnt_table_next_fs(table.get(), at.get(), &fs);)
		out.push_back({text_or(mnt_fs_get_source(fs), "none"), text_or(mnt_fs_get_target(fs), "none"), text_or(mnt_fs_get_fstype(fs), "auto"),
			       text_or(mnt_fs_get_options(fs), "defaults"), mnt_fs_get_freq(fs), mnt_fs_get_passno(fs)});
	return out;
}

} // namespace dm_remap::tool
