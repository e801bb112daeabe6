// SPDX-License-Identifier: GPL-2.0
#include "spare_pool/run_set.hh"

#include <dm_remap/kernel_api.h>

namespace dm_remap::pool {

namespace {

Error allocate(size_t bytes, RunSet::Budget &budget, void *&out)
{
	if (bytes > budget.bytes_left)
		return Error(E2BIG);
	out = dmr_alloc(bytes);
	if (!out)
		return Error(ENOMEM);
	budget.bytes_left -= bytes;
	return Error::none();
}

} // namespace

void RunSet::destroy(Budget &budget)
{
	for (uint32_t i = 0; i < pages_; i++)
		dmr_free(table_[i]);
	dmr_free(table_);
	budget.bytes_left += pages_ * sizeof(Page) + room_ * sizeof(Page *);
	table_ = nullptr;
	pages_ = 0;
	room_ = 0;
	count_ = 0;
}

RunSet::Place RunSet::find(uint64_t from) const
{
	uint32_t low = 0, high = pages_;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const Page &page = *table_[middle];

		if (page.runs[page.count - 1].end > from)
			high = middle;
		else
			low = middle + 1;
	}
	if (low == pages_)
		return pages_ ? Place{pages_ - 1, table_[pages_ - 1]->count} : Place{0, 0};

	const Page &page = *table_[low];
	uint32_t first = 0, last = page.count - 1;

	while (first < last) {
		const uint32_t middle = first + (last - first) / 2;

		if (page.runs[middle].end > from)
			last = middle;
		else
			first = middle + 1;
	}
	return {low, first};
}

RunSet::Run *RunSet::before(Place place) const
{
	if (place.index)
		return &table_[place.page]->runs[place.index - 1];
	if (!place.page)
		return nullptr;
	Page &page = *table_[place.page - 1];

	return &page.runs[page.count - 1];
}

RunSet::Found RunSet::next(uint64_t from) const
{
	const Place place = find(from);

	if (at_end(place))
		return {from, from};
	const Run &found = run(place);

	return {found.start > from ? found.start : from, found.end};
}

Error RunSet::grow_table(Budget &budget)
{
	const uint32_t room = room_ ? 2 * room_ : 16;
	void *memory = nullptr;

	if (Error error = allocate(room * sizeof(Page *), budget, memory))
		return error;
	Page **larger = static_cast<Page **>(memory);

	for (uint32_t i = 0; i < pages_; i++)
		larger[i] = table_[i];
	dmr_free(table_);
	budget.bytes_left += room_ * sizeof(Page *);
	table_ = larger;
	room_ = room;
	return Error::none();
}

Error RunSet::add_page(uint32_t at, Budget &budget)
{
	void *memory = nullptr;

	if (pages_ == room_)
		if (Error error = grow_table(budget))
			return error;
	if (Error error = allocate(sizeof(Page), budget, memory))
		return error;
	for (uint32_t i = pages_++; i > at; i--)
		table_[i] = table_[i - 1];
	table_[at] = static_cast<Page *>(memory);
	return Error::none();
}

// What comes in order leaves full pages behind it, all else halves.
Error RunSet::insert(Place place, Run added, Budget &budget)
{
	if (!pages_ || table_[place.page]->count == page_runs) {
		const bool last = at_end(place);
		const uint32_t kept = last ? page_runs : page_runs / 2;

		if (Error error = add_page(pages_ ? place.page + 1 : 0, budget))
			return error;
		if (pages_ > 1) {
			Page &from = *table_[place.page], &to = *table_[place.page + 1];

			for (uint32_t i = kept; i < page_runs; i++)
				to.runs[to.count++] = from.runs[i];
			from.count = kept;
			if (place.index > kept || last)
				place = {place.page + 1, place.index - kept};
		}
	}
	Page &page = *table_[place.page];

	for (uint32_t i = page.count++; i > place.index; i--)
		page.runs[i] = page.runs[i - 1];
	page.runs[place.index] = added;
	return Error::none();
}

void RunSet::erase(Place place, Budget &budget)
{
	Page &page = *table_[place.page];

	page.count--;
	for (uint32_t i = place.index; i < page.count; i++)
		page.runs[i] = page.runs[i + 1];
	if (page.count)
		return;
	dmr_free(&page);
	budget.bytes_left += sizeof(Page);
	pages_--;
	for (uint32_t i = place.page; i < pages_; i++)
		table_[i] = table_[i + 1];
}

Error RunSet::add(uint64_t from, uint64_t end, Budget &budget)
{
	const Place place = find(from);
	Run *left = before(place), *right = at_end(place) ? nullptr : &run(place);
	const bool touches_left = left && left->end == from, touches_right = right && right->start == end;

	if (touches_left && touches_right) {
		left->end = right->end;
		erase(place, budget);
	} else if (touches_left) {
		left->end = end;
	} else if (touches_right) {
		right->start = from;
	} else if (Error error = insert(place, {from, end}, budget)) {
		return error;
	}
	count_ += end - from;
	return Error::none();
}

Error RunSet::remove(uint64_t from, uint64_t end, Budget &budget)
{
	const Place place = find(from);
	Run &found = run(place);
	const Run rest = {end, found.end};

	if (found.start == from && found.end == end) {
		erase(place, budget);
	} else if (found.start == from) {
		found.start = end;
	} else if (found.end == end) {
		found.end = from;
	} else {
		// The rest goes behind it; insert() may move what `found` refers to.
		found.end = from;
		if (Error error = insert({place.page, place.index + 1}, rest, budget)) {
			run(place).end = rest.end;
			return error;
		}
	}
	count_ -= end - from;
	return Error::none();
}

} // namespace dm_remap::pool
