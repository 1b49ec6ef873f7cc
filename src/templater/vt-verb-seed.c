// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * vtemplater seed: makes a template of an image.
 */
#include "vt-seed-command.h"

static const char summary[] =
    "Makes a template of a disk image: scans it in full, and puts a signed cache of the files\n"
    "found clean into it, which its clones inherit. Until that is done, the image is as it was.\n"
    "Exit status: 0 done; not done: 1 something infected, 3 something not scanned whole, 2 failed.";

int
vt_verb_seed (int argc, char **argv)
{
  return vt_seed_command_run (VT_SEED_NEW, summary, argc, argv);
}
