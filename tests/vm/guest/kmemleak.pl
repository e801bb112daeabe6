#!/usr/bin/perl
# kmemleak.pl SYMBOLS: of kmemleak's report (stdin) what the project's modules have allocated, or a module that has gone.
# SYMBOLS are lines of /proc/kallsyms, kept from when ours were loaded: of one that has gone the report has bare addresses.
use strict;
use warnings;
no warnings 'portable';

my @symbols;
if (open my $file, '<', $ARGV[0]) {
	while (<$file>) { push @symbols, [hex $1, $2, $3] if /^([0-9a-f]+) [tT] (\S+)\s+\[(\S+)\]/; }
}
@symbols = sort { $a->[0] <=> $b->[0] } @symbols;

# The symbol that an address lies in or, of the last one, a page after it.
sub name {
	my ($address) = @_;
	my $found;
	for (@symbols) { last if $_->[0] > $address; $found = $_; }
	return undef if !$found || $address - $found->[0] > 4096;
	return sprintf '%s+0x%x [%s]', $found->[1], $address - $found->[0], $found->[2];
}

my ($object, $ours, $others) = ('', 0, 0);
sub judge {
	if ($ours) { print $object; } elsif ($object) { $others++; }
	($object, $ours) = ('', 0);
}
while (<STDIN>) {
	judge() if /^unreferenced object/;
	if (/^(\s+)0x([0-9a-f]{16})\s*$/ && defined(my $name = name(hex $2))) { $_ = "$1$name\n"; }
	$ours = 1 if /\[dm_remap/ || /^\s+0xffffffff[a-f]/;
	$object .= $_;
}
judge();
print "kmemleak: $others objects of others, which nobody looks at here\n" if $others;
