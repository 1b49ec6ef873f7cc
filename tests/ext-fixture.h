// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Ext file systems for tests, made by mke2fs and debugfs without mounting anything. */
#pragma once

#include "fs-fixture.h"
#include "vt-ext.h"

/* Adds a test that has a fixture of its own. */
void
ext_fixture_add (const char *path, gconstpointer data, void (*test) (FsFixture *, gconstpointer));

/* Files of all sizes that matter, links, holes (none at an end, which mke2fs loses when there is
 * inline data), odd names and dates. */
void ext_fixture_make_tree (FsFixture *fixture);

/* Makes an image of the tree; OPTIONS are mke2fs's. FALSE: mke2fs cannot do that. */
gboolean ext_fixture_mke2fs (FsFixture *fixture, guint mib, const char *options);
/* Commands of debugfs, one a line. */
void ext_fixture_debugfs (FsFixture *fixture, const char *commands);
