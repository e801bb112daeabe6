// SPDX-License-Identifier: GPL-2.0
#include "document.hh"

#include "document_setup.hh"
#include "record_kind.hh"

#include "metadata/codec.hh"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

namespace dm_remap::tool {

namespace {

using nlohmann::json;

constexpr size_t most_depth = 8, most_keys = 64, most_word = 4096;

// The bytes of a file, of which no word is endless: the parser keeps each in memory whole.
class Bytes final {
public:
	using iterator_category = std::input_iterator_tag;
	using value_type = char;
	using difference_type = ptrdiff_t;
	using pointer = const char *;
	using reference = const char &;

	Bytes() = default;
	explicit Bytes(std::FILE *file) : file_(file) { ++*this; }

	const char &operator*() const { return at_; }
	Bytes &operator++()
	{
		const int c = getc_unlocked(file_);

		if (c == EOF) {
			if (std::ferror(file_))
				throw std::system_error(errno, std::generic_category(), "the document cannot be read");
			file_ = nullptr;
			return *this;
		}
		at_ = static_cast<char>(c);
		word_ = ends_word() ? 0 : word_ + 1;
		if (word_ > most_word)
			refuse_document("$", fmt::format("a word of more than {} bytes", most_word));
		return *this;
	}
	Bytes operator++(int)
	{
		Bytes before = *this;

		++*this;
		return before;
	}
	bool operator==(const Bytes &other) const { return file_ == other.file_; }
	bool operator!=(const Bytes &other) const { return file_ != other.file_; }

private:
	// A quoted text is one word.
	bool ends_word()
	{
		if (!quoted_) {
			quoted_ = at_ == '"';
			return std::string_view(" \t\n\r,:{}[]\"").find(at_) != std::string_view::npos;
		}
		const bool ends = at_ == '"' && !escaped_;

		escaped_ = at_ == '\\' && !escaped_;
		quoted_ = !ends;
		return ends;
	}

	std::FILE *file_ = nullptr;
	char at_ = 0;
	bool quoted_ = false, escaped_ = false;
	size_t word_ = 0;
};

// What is in the document, as its parts come.
class Reader final : public nlohmann::json_sax<json> {
public:
	bool null() override { return scalar({Value::Kind::null, 0, nullptr}); }
	bool boolean(bool) override { return scalar({Value::Kind::other, 0, nullptr}); }
	bool number_integer(number_integer_t) override { return scalar({Value::Kind::other, 0, nullptr}); } // below zero
	bool number_unsigned(number_unsigned_t n) override { return scalar({Value::Kind::number, n, nullptr}); }
	bool number_float(number_float_t, const string_t &) override { return scalar({Value::Kind::other, 0, nullptr}); }
	bool string(string_t &text) override { return scalar({Value::Kind::text, 0, &text}); }
	bool binary(binary_t &) override { return false; }

	bool start_object(std::size_t) override { return open(false); }
	bool start_array(std::size_t) override { return open(true); }
	bool key(string_t &name) override;
	bool end_object() override;
	bool end_array() override;
	bool parse_error(std::size_t at, const std::string &, const nlohmann::detail::exception &error) override
	{
		refuse_document(path(), fmt::format("byte {} is no JSON: {}", at, error.what()));
	}

	std::unique_ptr<Document> take();

private:
	struct Frame {
		bool array;
		uint64_t index = 0;		// of an array
		std::string key;		// of an object
		std::vector<std::string> keys;	// that it had
	};
	struct Entry {
		std::optional<std::string> kind;
		std::optional<uint64_t> main_block, blocks, spare, spare_block;
		bool guarded = false;
	};

	std::string path() const;
	bool open(bool array);
	bool scalar(const Value &value);
	bool in(size_t depth, const char *key) const { return frames_.size() > depth && frames_[depth].key == key; }
	// A path is put together only for a refusal: there may be millions of numbers.
	uint64_t number(const Value &value, uint64_t most = UINT64_MAX) const
	{
		const bool good = value.kind == Value::Kind::number && value.number <= most;

		return good ? value.number : whole_number(path(), value, most);
	}

	void of_root(const std::string &key, const Value &value);
	void of_entry(const std::string &key, const Value &value);
	void end_entry(bool bad);
	void require(bool there, const char *what) const
	{
		if (!there)
			refuse_document(path(), fmt::format("{} is missing", what));
	}

	std::vector<Frame> frames_;
	std::unique_ptr<Document> document_ = std::make_unique<Document>();
	SetupReader setup_{document_->setup};
	std::optional<uint64_t> generation_, extents_, bad_runs_;
	uint64_t extents_seen_ = 0, bad_seen_ = 0;
	Entry entry_;
	bool is_dump_ = false, whole_ = false, set_ = false;
};

std::string Reader::path() const
{
	std::string out = "$";

	for (const Frame &frame : frames_)
		out += frame.array ? fmt::format("[{}]", frame.index) : frame.key.empty() ? "" : "." + frame.key;
	return out;
}

bool Reader::open(bool array)
{
	if (frames_.size() == most_depth)
		refuse_document(path(), "too deep");
	if (frames_.empty() && array)
		refuse_document(path(), "not an object: this is no dump");
	frames_.push_back({array, 0, {}, {}});
	if (frames_.size() == 3 && !array && (in(0, "extents") || in(0, "bad")))
		entry_ = {};
	if (frames_.size() == 4 && !array && in(0, "set") && in(1, "members"))
		setup_.begin_member();
	return true;
}

bool Reader::key(string_t &name)
{
	Frame &frame = frames_.back();

	frame.key = name;
	// An entry notes by itself what it had.
	if (in(0, "extents") || in(0, "bad"))
		return true;
	if (frame.keys.size() == most_keys)
		refuse_document(path(), "too many keys");
	if (std::find(frame.keys.begin(), frame.keys.end(), name) != frame.keys.end())
		refuse_document(path(), "is there twice");
	frame.keys.push_back(name);
	return true;
}

bool Reader::end_object()
{
	frames_.back().key.clear();
	if (frames_.size() == 3 && (in(0, "extents") || in(0, "bad")))
		end_entry(in(0, "bad"));
	if (frames_.size() == 4 && in(0, "set") && in(1, "members"))
		setup_.end_member(path());
	if (frames_.size() == 2 && in(0, "set")) {
		setup_.end(path());
		document_->map = std::make_unique<MapState>(document_->setup);
		set_ = true;
	}
	frames_.pop_back();
	if (!frames_.empty() && frames_.back().array)
		frames_.back().index++;
	return true;
}

bool Reader::end_array()
{
	frames_.pop_back();
	if (!frames_.empty() && frames_.back().array)
		frames_.back().index++;
	return true;
}

// Keys that are not known are of a later dmremap, and mean nothing to this one.
bool Reader::scalar(const Value &value)
{
	if (frames_.empty())
		refuse_document("$", "not an object: this is no dump");
	const std::string key = frames_.back().key;

	if (frames_.size() == 1)
		of_root(key, value);
	else if (frames_.size() == 2 && in(0, "output_version")) {
		is_dump_ |= key == "command" && value.kind == Value::Kind::text && *value.text == "dump";
		if (key == "major" && number(value) != 1)
			refuse_document(path(), "of a version that this dmremap does not know");
	} else if (frames_.size() == 2 && in(0, "totals") && key == "extents")
		extents_ = number(value);
	else if (frames_.size() == 2 && in(0, "totals") && key == "bad_runs")
		bad_runs_ = number(value);
	else if (frames_.size() == 2 && in(0, "set"))
		setup_.of_set(path(), key, value);
	else if (frames_.size() == 3 && in(0, "set") && in(1, "main"))
		setup_.of_main(path(), key, value);
	else if (frames_.size() == 3 && in(0, "set") && in(1, "ancestors"))
		setup_.ancestor(path(), value);
	else if (frames_.size() == 3 && in(0, "set") && in(1, "features"))
		setup_.feature(path(), value);
	else if (frames_.size() == 4 && in(0, "set") && in(1, "members"))
		setup_.of_member(path(), key, value);
	else if (frames_.size() == 3 && (in(0, "extents") || in(0, "bad")))
		of_entry(key, value);
	else if ((in(0, "extents") || in(0, "bad")))
		refuse_document(path(), "not an object");
	if (frames_.back().array)
		frames_.back().index++;
	return true;
}

void Reader::of_root(const std::string &key, const Value &value)
{
	if (key == "generation")
		generation_ = number(value, format::max_start_generation);
	if (key == "error") {
		if (value.kind != Value::Kind::null)
			refuse_document(path(), "the dump has failed");
		whole_ = true;
	}
}

void Reader::of_entry(const std::string &key, const Value &value)
{
	const auto once = [&](std::optional<uint64_t> &out) {
		if (out)
			refuse_document(path(), "is there twice");
		out = number(value);
	};

	if (key == "main_block")
		once(entry_.main_block);
	else if (key == "blocks")
		once(entry_.blocks);
	else if (key == "spare")
		once(entry_.spare);
	else if (key == "spare_block")
		once(entry_.spare_block);
	else if (key == "guarded")
		entry_.guarded = number(value, 1) == 1;
	else if (key == "kind") {
		if (entry_.kind || value.kind != Value::Kind::text)
			refuse_document(path(), entry_.kind ? "is there twice" : "not a text");
		entry_.kind = *value.text;
	}
}

void Reader::end_entry(bool bad)
{
	if (!set_)
		refuse_document(path(), "comes before $.set");
	const bool placed = bad || entry_.kind == "mapped";
	uint8_t kind = DMR_RECORD_BAD_SPARE;

	if (!bad) {
		require(entry_.kind.has_value(), "kind");
		for (const ExtentKind known : {ExtentKind::mapped, ExtentKind::pending, ExtentKind::lost})
			if (*entry_.kind == kind_text(known))
				kind = record_kind(known);
		if (kind == DMR_RECORD_BAD_SPARE)
			refuse_document(path() + ".kind", "neither mapped, pending nor lost");
		require(entry_.main_block.has_value(), "main_block");
	}
	require(entry_.blocks.has_value(), "blocks");
	if (placed) {
		require(entry_.spare.has_value(), "spare");
		require(entry_.spare_block.has_value(), "spare_block");
	}
	if (*entry_.blocks > UINT32_MAX)
		refuse_document(path() + ".blocks", "too many");
	if (placed && *entry_.spare >= DMR_MAX_MEMBERS)
		refuse_document(path() + ".spare", "no spare has this number");
	const dmr_record record = {
		bad ? 0 : *entry_.main_block,
		placed ? *entry_.spare_block : 0,
		static_cast<uint32_t>(*entry_.blocks),
		kind,
		static_cast<uint8_t>(placed ? *entry_.spare : 0),
		static_cast<uint16_t>(entry_.guarded ? DMR_RECORD_GUARDED : 0),
	};

	if (const char *why = document_->map->add(record))
		refuse_document(path(), why);
	(bad ? bad_seen_ : extents_seen_)++;
	if (extents_seen_ + bad_seen_ > document_->setup.max_extents)
		refuse_document(path(), fmt::format("more entries than max_extents allows, which is {}", document_->setup.max_extents));
}

std::unique_ptr<Document> Reader::take()
{
	if (!is_dump_)
		refuse_document("$.output_version.command", "not 'dump'");
	if (!whole_)
		refuse_document("$.error", "missing: the document was cut off");
	if (!set_)
		refuse_document("$.set", "missing");
	if (!generation_)
		refuse_document("$.generation", "missing");
	if (*generation_ < format::first_generation[1])
		refuse_document("$.generation", fmt::format("less than {}, which no set has", format::first_generation[1]));
	if (!extents_ || *extents_ != extents_seen_)
		refuse_document("$.totals.extents", fmt::format("missing, or not {}, as many as there are", extents_seen_));
	if (!bad_runs_ || *bad_runs_ != bad_seen_)
		refuse_document("$.totals.bad_runs", fmt::format("missing, or not {}, as many as there are", bad_seen_));
	document_->generation = *generation_;
	return std::move(document_);
}

} // namespace

std::unique_ptr<Document> read_document(std::FILE *file)
{
	Reader reader;

	json::sax_parse(Bytes(file), Bytes(), &reader);
	return reader.take();
}

} // namespace dm_remap::tool
