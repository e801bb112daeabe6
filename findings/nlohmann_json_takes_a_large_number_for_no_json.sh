#!/bin/bash
# nlohmann-json has no place for numbers that a double cannot hold, and calls the whole document no JSON: json::accept says so, and
# json::parse throws an exception that is no parse_error.
#
# Version:   nlohmann-json3-dev 3.11.2-2 (Debian 12), with the machine's g++.
# Expected:  1e309 is a JSON number (RFC 8259 sets no limit to them), so accept() says true of it; and what parse() throws about
#            text that it does not take is json::parse_error, which alone says at which byte that was.
# Seen:      accept() says false. parse() throws json::out_of_range, 406, without a place: a handler for parse_error lets it pass.
#            1e-400, which a double does not hold either, is taken as 0.0, and 99999999999999999999, which no integer holds, as 1e+20.
#
# On Debian 12 with g++ and network to its packages. Exit status 0: as described. 1: it has changed.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cd "$tmp"
chmod 755 "$tmp"
apt-get -q download nlohmann-json3-dev=3.11.2-2 >apt.log 2>&1 || { cat apt.log; exit 1; }
dpkg-deb -x ./*.deb root
cat >look.cc <<'END'
#include <iostream>
#include <nlohmann/json.hpp>

using nlohmann::json;

int main(int, char **argv)
{
	std::cout << json::accept(argv[1]) << ' ';
	try {
		std::cout << json::parse(argv[1]).dump();
	} catch (const json::parse_error &error) {
		std::cout << "parse_error " << error.id;
	} catch (const json::out_of_range &error) {
		std::cout << "out_of_range " << error.id;
	}
	std::cout << '\n';
}
END
g++ -std=c++17 -I root/usr/include -o look look.cc

# seen TEXT ANSWER
seen() {
	local answer
	answer=$(./look "$1")
	echo "$1: $answer"
	[[ $answer == "$2" ]]
}
seen 1e308 '1 1e+308'
seen 1e309 '0 out_of_range 406'
seen '[-1e309]' '0 out_of_range 406'
seen '[1e309' '0 out_of_range 406'
seen '[1' '0 parse_error 101'
seen 1e-400 '1 0.0'
seen 99999999999999999999 '1 1e+20'
