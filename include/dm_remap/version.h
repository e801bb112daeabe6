/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DM_REMAP_VERSION_H
#define DM_REMAP_VERSION_H

/*
 * The one place where the version of modules, tool and packages is: CMakeLists.txt and tools/package read this line.
 * DKMS replaces an installed module only if the version in it is another.
 */
#define DMR_VERSION "1.0.0"

#endif
