// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-cli-limits.h"

#include <string.h>

#include "vt-config.h"
#include "vt-image.h"

#define NOT_GIVEN G_MININT

void
vt_cli_limits_clear (VtCliLimits *self)
{
  g_free (self->max_file_size);
  g_free (self->max_scan_size);
  g_free (self->max_unpacked_size);
  g_free (self->max_spool_size);
  memset (self, 0, sizeof *self);
}

void
vt_cli_limits_add (GOptionContext *context, VtCliLimits *self)
{
  const GOptionEntry entries[] = {
      {"max-file-size", 0, 0, G_OPTION_ARG_STRING, &self->max_file_size,
       "Largest file or member of a container that is scanned (default: 256M)", "SIZE"},
      {"max-scan-size", 0, 0, G_OPTION_ARG_STRING, &self->max_scan_size,
       "Most that the engine itself scans of one file with all its members (default: 1G)", "SIZE"},
      {"max-scan-time", 0, 0, G_OPTION_ARG_INT, &self->max_scan_time,
       "Seconds that the engine may take for one file or member (default: 120)", "SECONDS"},
      {"max-recursion", 0, 0, G_OPTION_ARG_INT, &self->max_recursion,
       "How deep containers may be nested (default: 17)", "N"},
      {"max-files", 0, 0, G_OPTION_ARG_INT, &self->max_files,
       "Most members of one file (default: 100000)", "N"},
      {"max-unpacked-size", 0, 0, G_OPTION_ARG_STRING, &self->max_unpacked_size,
       "Most that is unpacked of one file (default: 16G)", "SIZE"},
      {"max-spool-size", 0, 0, G_OPTION_ARG_STRING, &self->max_spool_size,
       "Most that larger files may take on disk at a time while they are looked into; 0: they are "
       "not (default: 64G)",
       "SIZE"},
      {"max-ratio", 0, 0, G_OPTION_ARG_INT, &self->max_ratio,
       "How many times larger than packed a container may be unpacked (default: 1000)", "N"},
      {"nested", 0, 0, G_OPTION_ARG_INT, &self->nested,
       "How deep disk images within the image are read; 0: they are not (default: 1)", "N"},
      {"max-unpack-time", 0, 0, G_OPTION_ARG_INT, &self->max_unpack_time,
       "Seconds that unpacking one container may take (default: 300)", "SECONDS"},
      G_OPTION_ENTRY_NULL};

  self->nested = NOT_GIVEN;
  g_option_context_add_main_entries (context, entries, NULL);
}

gboolean
vt_cli_parse_size (const char *option, const char *text, guint64 *size, GError **error)
{
  if (vt_config_parse_size (text, size))
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "%s: '%s' is not a size such as 100M or 104857600", option, text);
  return FALSE;
}

static gboolean
take_size (const char *option, const char *text, guint64 *size, GError **error)
{
  return text == NULL || vt_cli_parse_size (option, text, size, error);
}

gboolean
vt_cli_limits_get_spool_size (const VtCliLimits *self, guint64 *size, GError **error)
{
  *size = VT_IMAGE_MAX_SPOOL_SIZE;
  if (self->max_spool_size == NULL)
    return TRUE;
  *size = 0;
  if (g_str_equal (self->max_spool_size, "0"))
    return TRUE;
  if (!vt_cli_parse_size ("--max-spool-size", self->max_spool_size, size, error))
    return FALSE;
  if (*size <= VT_IMAGE_MAX_SPOOL_SIZE)
    return TRUE;
  g_set_error_literal (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                       "--max-spool-size is at most 64G");
  return FALSE;
}

static gboolean
fail_negative (const char *option, GError **error)
{
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s takes no negative number",
               option);
  return FALSE;
}

static gboolean
take_number (const char *option, int value, guint32 *number, GError **error)
{
  if (value < 0)
    return fail_negative (option, error);
  if (value > 0)
    *number = (guint32)value;
  return TRUE;
}

gboolean
vt_cli_limits_apply (const VtCliLimits *self, VtEngineOptions *options, GError **error)
{
  guint32 ratio = (guint32)options->max_ratio;

  if (!take_size ("--max-file-size", self->max_file_size, &options->max_file_size, error) ||
      !take_size ("--max-scan-size", self->max_scan_size, &options->max_scan_size, error) ||
      !take_size ("--max-unpacked-size", self->max_unpacked_size, &options->max_unpacked_size,
                  error) ||
      !take_number ("--max-scan-time", self->max_scan_time, &options->max_scan_time_s, error) ||
      !take_number ("--max-recursion", self->max_recursion, &options->max_recursion, error) ||
      !take_number ("--max-files", self->max_files, &options->max_files, error) ||
      !take_number ("--max-ratio", self->max_ratio, &ratio, error) ||
      !take_number ("--max-unpack-time", self->max_unpack_time, &options->max_unpack_time_s, error))
    return FALSE;
  options->max_ratio = ratio;
  if (self->nested != NOT_GIVEN && self->nested < 0)
    return fail_negative ("--nested", error);
  if (self->nested != NOT_GIVEN)
    options->max_nested = (guint32)self->nested;
  return vt_engine_options_validate (options, error);
}
