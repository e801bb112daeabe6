// SPDX-License-Identifier: GPL-2.0-only
/*
 * What g++ expects of a runtime, beyond memcpy() and friends, which the kernel
 * has. Every module links its own copy: exported, these names could clash
 * with those of another module written in C++.
 */
#include <linux/bug.h>
#include <linux/compiler.h>

void __cxa_pure_virtual(void);
void __cxa_deleted_virtual(void);

/*
 * The compiler refers to these weakly: undefined, they would link to NULL
 * without a word from modpost.
 */
void __cxa_pure_virtual(void)
{
	BUG();
}

void __cxa_deleted_virtual(void)
{
	BUG();
}
