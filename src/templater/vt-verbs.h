// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The verbs of vtemplater: one file each, all with main()'s arguments, argv[0] being the verb.
 */
#pragma once

/* Exit statuses; the numbers are documented in vtemplater(1). */
typedef enum {
  VT_EXIT_CLEAN = 0,
  VT_EXIT_INFECTED = 1,
  VT_EXIT_FAILED = 2,
  VT_EXIT_INCOMPLETE = 3,
} VtExit;

int vt_verb_cache (int argc, char **argv);
int vt_verb_clean (int argc, char **argv);
int vt_verb_db (int argc, char **argv);
int vt_verb_inspect (int argc, char **argv);
int vt_verb_keygen (int argc, char **argv);
int vt_verb_refresh (int argc, char **argv);
int vt_verb_scan (int argc, char **argv);
int vt_verb_seed (int argc, char **argv);
int vt_verb_verify (int argc, char **argv);
