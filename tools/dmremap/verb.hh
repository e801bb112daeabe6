// SPDX-License-Identifier: GPL-2.0
// What a verb is. To add one: a file verbs/<name>.cc with a class of this kind and a line in verbs.hh; the rest follows: help, exit
// statuses, the options that all verbs have, completions.
#ifndef DMREMAP_VERB_HH
#define DMREMAP_VERB_HH

#include "answer.hh"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dm_remap::tool {

// What a word on the command line may be, for completions.
enum class Takes : uint8_t {
	set, device, file, text, number,
	choice,	// one of the words in its value's name, with '|' between
};

// A verb's own words. Behind it is CLI11, in one file.
class Options {
public:
	virtual void flag(const char *names, bool &out, const char *help) = 0;
	virtual void one(const char *names, std::string &out, Takes takes, const char *value, const char *help) = 0;
	// most: what is larger is refused.
	virtual void number(const char *names, uint64_t &out, const char *value, const char *help, uint64_t most) = 0;
	virtual void several(const char *names, std::vector<std::string> &out, Takes takes, const char *value, const char *help) = 0;
	// Of what was named last.
	virtual void required() = 0;
	// It and the option of this name cannot be given together.
	virtual void excludes(const char *name) = 0;

protected:
	~Options() = default;
};

class Verb {
public:
	virtual ~Verb() = default;

	virtual const char *name() const = 0;
	virtual const char *summary() const = 0; // one line of help
	// Called by programs of ours alone: help and completions leave it out.
	virtual bool hidden() const { return false; }
	virtual void options(Options &) = 0;
	// Its answer is a document whether or not --json is given. After the words were read.
	virtual bool always_json() const { return false; }
	// The exit status: an ExitStatus, or a Verdict with --test. Failures are thrown.
	virtual int run(Answer &answer) = 0;
	// How it is told that words make no sense, or that run() has thrown; the exit status. And what --help and --version end with.
	virtual int failed(Answer &answer, ExitStatus status, const std::string &id, const std::string &text) const
	{
		answer.fail(id, text);
		return static_cast<int>(status);
	}
	virtual int told() const { return static_cast<int>(ExitStatus::done); }
	// A program that is this verb and nothing else, and so has a --version; null: none.
	virtual const char *program() const { return nullptr; }
};

using MakeVerb = std::unique_ptr<Verb> (*)();

} // namespace dm_remap::tool

#endif
