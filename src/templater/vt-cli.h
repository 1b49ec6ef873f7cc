// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * What the verbs' command lines share: options, their checks, messages.
 */
#pragma once

#include <gio/gio.h>

#include "vt-cli-limits.h"
#include "vt-image.h"
#include "vt-report.h"
#include "vt-wrapper.h"

typedef enum {
  VT_PROGRESS_NONE,
  VT_PROGRESS_PLAIN,
  VT_PROGRESS_BAR,
} VtProgressStyle;

#define VT_CLI_NOT_GIVEN G_MININT

/* Options as they were given; what was not given is NULL, FALSE or 0, where nothing else is said.
 */
typedef struct {
  char *database;
  char *store;
  char *format;
  char *output;
  char *manifest;
  char *backend;
  char *image_format;
  char *snapshot;
  char *progress;
  char *password_file;
  char *template;
  char *attestation;
  char *pubkey;
  VtCliLimits limits;
  GStrv passwords;
  char *max_unpacked_image;
  GStrv backing;
  GStrv keys;
  GStrv include;
  GStrv exclude;
  int jobs;
  int max_verdict_age; /* days; VT_CLI_NOT_GIVEN */
  int launch_timeout;
  int stall_timeout;
  gboolean allow_incomplete;
  gboolean no_unwrap;
  gboolean quiet;
  gboolean verbose;
  GStrv images; /* the arguments that are no options */
} VtCliOptions;

void vt_cli_options_clear (VtCliOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtCliOptions, vt_cli_options_clear)

/* Which options a verb takes, beside those of opening an image. */
typedef enum {
  VT_CLI_READING = 1 << 0,   /* snapshots, wrappers, a report */
  VT_CLI_ENGINE = 1 << 1,    /* signatures, verdict store, limits */
  VT_CLI_SELECTION = 1 << 2, /* what of the image is scanned */
  VT_CLI_TRUST = 1 << 3,     /* which templates are trusted */
  VT_CLI_AGE = 1 << 4,       /* how old their verdicts may be */
  VT_CLI_TEMPLATE = 1 << 5,  /* the template that images are clones of; with TRUST */
  VT_CLI_MANY = 1 << 6,      /* several images */
} VtCliGroups;

typedef struct {
  const char *summary;
  VtCliGroups groups;
  void (*add) (GOptionContext *context, gpointer verb_data); /* options of its own; or NULL */
} VtCliVerb;

/*
 * Parses the command line of a verb that takes images; VERB_DATA is for its own options. Prints
 * --help and exits by itself. At least one image is there on success.
 */
gboolean vt_cli_options_parse (VtCliOptions *self,
                               const VtCliVerb *verb,
                               int argc,
                               char **argv,
                               gpointer verb_data,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

VtEngineOptions *vt_cli_make_engine_options (const VtCliOptions *self,
                                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_cli_make_wrapper_options (const VtCliOptions *self,
                                      VtWrapperOptions *options,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* --max-verdict-age in seconds; 0 if it was not given. */
gint64 vt_cli_get_max_verdict_age (const VtCliOptions *self);
VtImageOptions *vt_cli_make_image_options (const VtCliOptions *self, const char *image);
gboolean vt_cli_get_report_format (const VtCliOptions *self,
                                   VtReportFormat *format,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean vt_cli_get_progress_style (const VtCliOptions *self,
                                    VtProgressStyle *style,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Bytes of all passwords together. */
#define VT_CLI_PASSWORDS_MAX ((gsize)32 * 1024)
/* All that --password and --password-file give, or NULL; free with g_strfreev(). */
gboolean vt_cli_read_passwords (const VtCliOptions *self,
                                GStrv *passwords,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Prints "vtemplater: VERB: message" and returns VT_EXIT_FAILED. */
int vt_cli_fail (const char *verb, const GError *error);
