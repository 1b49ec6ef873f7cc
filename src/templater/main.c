// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include <fcntl.h>
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vt-report.h"
#include "vt-verbs.h"

static const struct {
  const char *name;
  int (*run) (int argc, char **argv);
  const char *summary;
} verbs[] = {
    {"scan", vt_verb_scan, "scan disk images offline"},
    {"clean", vt_verb_clean, "quarantine or remove what is infected in a disk image"},
    {"seed", vt_verb_seed, "make a template of a disk image"},
    {"refresh", vt_verb_refresh, "scan a template again, and sign it anew"},
    {"verify", vt_verb_verify, "check a template"},
    {"inspect", vt_verb_inspect, "show what is in a disk image"},
    {"keygen", vt_verb_keygen, "make a pair of keys to sign and verify with"},
    {"db", vt_verb_db, "show or update the signatures in use"},
    {"cache", vt_verb_cache, "show, prune or clear the verdict store"},
};

/*
 * With one of the standard descriptors closed, a socket of ours would get its number, and whatever
 * is printed would go there.
 */
static void
open_standard_descriptors (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close (fd);
}

static void
print_help (FILE *stream)
{
  fputs ("Usage: vtemplater VERB [OPTION...] [ARGUMENT...]\n\n"
         "Scans disk images of virtual machines for malware, without starting them.\n\nVerbs:\n",
         stream);
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    fprintf (stream, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
  fputs ("\n'vtemplater VERB --help' shows a verb's options; vtemplater(1) tells more.\n"
         "Exit status: 0 clean, 1 something infected, 2 failed, 3 something not scanned whole.\n",
         stream);
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL;
  g_autofree char *safe = NULL;

  open_standard_descriptors ();
  setlocale (LC_ALL, "");
  g_set_prgname ("vtemplater");
  if (name == NULL) {
    print_help (stderr);
    return VT_EXIT_FAILED;
  }
  if (strcmp (name, "--help") == 0 || strcmp (name, "-h") == 0 || strcmp (name, "help") == 0) {
    print_help (stdout);
    return 0;
  }
  if (strcmp (name, "--version") == 0) {
    puts ("vtemplater " VT_VERSION);
    return 0;
  }
  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (name, verbs[i].name) == 0)
      return verbs[i].run (argc - 1, argv + 1);
  safe = vt_report_escape (name);
  fprintf (stderr, "vtemplater: there is no verb '%s'; 'vtemplater --help' lists them\n", safe);
  return VT_EXIT_FAILED;
}
