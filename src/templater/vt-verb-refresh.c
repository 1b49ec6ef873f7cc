// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater refresh: scans a template under the signatures of today, and signs anew.
 */
#include "vt-seed-command.h"

static const char summary[] =
    "Scans a template again, under the signatures of today, and signs a new statement and clean\n"
    "cache, beside the image or, with --in-place or --output, in it. What the verdict store knows "
    "is\n"
    "not scanned again.\n"
    "Exit status: 0 done; not done: 1 something infected, 3 something not scanned whole, 2 failed.";

int
vt_verb_refresh (int argc, char **argv)
{
  return vt_seed_command_run (VT_SEED_REFRESH_BESIDE, summary, argc, argv);
}
