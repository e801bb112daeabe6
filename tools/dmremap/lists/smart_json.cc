// SPDX-License-Identifier: GPL-2.0
// What smartctl prints with --json. Keys that are not known are passed over, as it says that there will be more.
#include "answer.hh"
#include "json_find.hh"
#include "lists/smart_log.hh"
#include "lists/text.hh"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dm_remap::tool::lists {

namespace {

using nlohmann::json;

// As a tree it takes many times the room; smartctl writes some hundred KiB, with all logs there are.
constexpr size_t most_mib = 4;

class Reader final {
public:
	explicit Reader(const json &document) : document_(document) {}

	BlockList read()
	{
		if (const json *unit = find(document_, {"logical_block_size"}))
			note_unit(list_, as_number(*unit, "$.logical_block_size", most), "$.logical_block_size");
		self_tests("standard", bits_of_self_test_log);
		self_tests("extended", bits_of_extended_log);
		errors("summary", bits_of_error_log);
		errors("extended", bits_of_extended_log);
		each_row({"ata_pending_defects_log"}, [&](const json &row, const std::string &at) { take(row, "lba", at, bits_of_others); });
		each_row({"nvme_self_test_log"}, [&](const json &row, const std::string &at) { take(row, "lba", at, bits_of_others); });
		each_row({"nvme_error_information_log"}, [&](const json &row, const std::string &at) {
			const json *const status = find(row, {"status_field"});

			if (status && of_nvme_medium(find_number(*status, {"status_code_type"}).value_or(0), find_number(*status, {"status_code"}).value_or(0)))
				take(row, "lba", at, bits_of_others);
		});
		scsi_self_tests();
		if (!any_)
			refuse("$", no_log);
		return std::move(list_);
	}

private:
	static uint64_t as_number(const json &value, const std::string &place, uint64_t largest)
	{
		if (!value.is_number_unsigned() || value.get<uint64_t>() > largest)
			refuse(place, fmt::format("{} is no number from 0 to {}", in_quotes(value.dump(-1, ' ', true, json::error_handler_t::replace)), largest));
		return value.get<uint64_t>();
	}
	template <typename F>
	void each_row(std::initializer_list<const char *> path, F f)
	{
		const json *log = &document_;
		std::string at = "$";

		for (const char *const key : path) {
			log = find(*log, {key});
			if (!log)
				return;
			at += fmt::format(".{}", key);
		}
		any_ = true;
		// Of an empty log there is none.
		const json *const table = find(*log, {"table"});

		if (table && !table->is_array())
			refuse(at + ".table", "this is no list");
		for (size_t i = 0; table && i < table->size(); i++)
			f((*table)[i], fmt::format("{}.table[{}]", at, i));
	}

	void self_tests(const char *which, uint8_t bits)
	{
		each_row({"ata_smart_self_test_log", which}, [&](const json &row, const std::string &at) { take(row, "lba", at, bits); });
	}

	void errors(const char *which, uint8_t bits)
	{
		each_row({"ata_smart_error_log", which}, [&](const json &row, const std::string &at) {
			const json *const description = find(row, {"error_description"}), *const registers = find(row, {"completion_registers"});

			if (description && description->is_string() && registers && of_medium(description->get_ref<const std::string &>()))
				take(*registers, "lba", at + ".completion_registers", bits);
		});
	}

	// One a key: scsi_self_test_0, and so on.
	void scsi_self_tests()
	{
		for (const auto &[key, test] : document_.items()) {
			if (!key.starts_with("scsi_self_test_"))
				continue;
			any_ = true;
			take(test, "lba_first_failure", fmt::format("$.{}", shown(key)), bits_of_others);
		}
	}

	// A number, or an object with a "value". Of a test that found nothing there is none.
	void take(const json &row, const char *key, const std::string &at, uint8_t bits)
	{
		const json *block = find(row, {key});
		const json *const inner = block ? find(*block, {"value"}) : nullptr;

		if (!block)
			return;
		if (inner)
			block = inner;
		list_.places.push_back(at);
		list_.add({.first = as_number(*block, fmt::format("{}.{}", at, key), most - 1), .count = 1, .where = static_cast<uint32_t>(list_.places.size() - 1),
				      .name_space = name_space(find_number(row, {"nsid"}).value_or(0)), .bits = bits});
	}

	const json &document_;
	BlockList list_;
	bool any_ = false;
};

} // namespace

BlockList read_smart_json(std::string_view text)
{
	json document;

	if (text.size() > most_mib << 20)
		refuse("$", fmt::format("a document of more than {} MiB: smartctl writes none", most_mib));
	try {
		document = json::parse(text);
	} catch (const json::parse_error &error) {
		const size_t at = std::min<size_t>(error.byte ? error.byte - 1 : 0, text.size());

		refuse(static_cast<uint32_t>(1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n')), "this is no JSON, or was cut off");
	} catch (const json::out_of_range &) {
		// It does not say where. JSON has such numbers, the library has not.
		refuse("$", "a number in it is larger than any that smartctl writes");
	}
	return Reader(document).read();
}

} // namespace dm_remap::tool::lists
