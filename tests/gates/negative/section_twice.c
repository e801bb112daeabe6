// Two sections of one name that the linker cannot merge: the kernel would not load the module.
// expect: section-twice
asm(".pushsection dmr_twice, \"a\", %progbits\n.quad 1\n.popsection\n"
    ".pushsection dmr_twice, \"a\", %nobits, unique, 1\n.zero 8\n.popsection\n");
