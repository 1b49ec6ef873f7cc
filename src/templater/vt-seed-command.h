// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* The command lines of the verbs that make a template, or make it anew: seed and refresh. */
#pragma once

#include "vt-seed.h"
#include "vt-verbs.h"

/* Runs the verb argv[0] with main()'s arguments, and gives its exit status. KIND tells a new
 * template from one that is refreshed; how that goes out the options say. */
int vt_seed_command_run (VtSeedKind kind, const char *summary, int argc, char **argv);
