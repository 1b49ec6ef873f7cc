// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The verbs of vt-scand that an operator types, beside a service that runs or not: one file each,
 * all with main()'s arguments, argv[0] being the verb. They return 0, or 2 for any failure, which
 * they have told then. --help ends the program.
 */
#pragma once

/* The authority: init, issue, revoke, list. */
int vt_scand_verb_ca (int argc, char **argv);
/* Join tokens: new, list, remove. */
int vt_scand_verb_token (int argc, char **argv);
