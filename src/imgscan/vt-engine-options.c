// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-options.h"

#include <clamav.h>

/* Of clamd.conf(5), but for the sizes, as the initramfs of a plain Debian unpacks to 130 MB, and
 * for the number of files: packages of headers and the file systems of snaps have tens of
 * thousands. */
#define DEFAULT_MAX_FILE_SIZE   ((guint64)256 * 1024 * 1024)
#define DEFAULT_MAX_SCAN_SIZE   ((guint64)1024 * 1024 * 1024)
#define DEFAULT_MAX_SCAN_TIME_S 120
#define DEFAULT_MAX_RECURSION   17
#define DEFAULT_MAX_FILES       100000
/* The largest snaps unpack to 2 GiB. */
#define DEFAULT_MAX_UNPACKED_SIZE ((guint64)16 * 1024 * 1024 * 1024)
/* Zstandard makes a 32,000th of zeros, and a tenth or so of what is a program or a text. */
#define DEFAULT_MAX_RATIO 1000
/* XZ unpacks some 50 MB/s: 256 MiB of it may hold 1 to 2 GiB. */
#define DEFAULT_MAX_UNPACK_TIME_S 300
/* What a host of virtual machines has in its image; not what these have in theirs. */
#define DEFAULT_MAX_NESTED 1

VtEngineOptions *
vt_engine_options_new (void)
{
  VtEngineOptions *self = g_new0 (VtEngineOptions, 1);

  self->database_dir = g_strdup (cl_retdbdir ());
  self->max_file_size = DEFAULT_MAX_FILE_SIZE;
  self->max_scan_size = DEFAULT_MAX_SCAN_SIZE;
  self->max_scan_time_s = DEFAULT_MAX_SCAN_TIME_S;
  self->max_recursion = DEFAULT_MAX_RECURSION;
  self->max_files = DEFAULT_MAX_FILES;
  self->max_unpacked_size = DEFAULT_MAX_UNPACKED_SIZE;
  self->max_ratio = DEFAULT_MAX_RATIO;
  self->max_nested = DEFAULT_MAX_NESTED;
  self->max_unpack_time_s = DEFAULT_MAX_UNPACK_TIME_S;
  return self;
}

VtEngineOptions *
vt_engine_options_copy (const VtEngineOptions *self)
{
  VtEngineOptions *copy = g_new (VtEngineOptions, 1);

  *copy = *self;
  copy->database_dir = g_strdup (self->database_dir);
  return copy;
}

void
vt_engine_options_free (VtEngineOptions *self)
{
  g_free (self->database_dir);
  g_free (self);
}

static gboolean
check_limit (const char *name, guint64 value, guint64 ceiling, GError **error)
{
  if (value >= 1 && value <= ceiling)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "%s is %" G_GUINT64_FORMAT ", must be 1 to %" G_GUINT64_FORMAT, name, value,
               ceiling);
  return FALSE;
}

static gboolean
check_nested (guint32 value, GError **error)
{
  if (value <= VT_ENGINE_NESTED_CEILING)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
               "deepest nesting of disk images is %u, must be 0 to %u", value,
               VT_ENGINE_NESTED_CEILING);
  return FALSE;
}

gboolean
vt_engine_options_validate (const VtEngineOptions *self, GError **error)
{
  return check_limit ("largest file size", self->max_file_size, VT_ENGINE_FILE_SIZE_CEILING,
                      error) &&
         check_limit ("largest scan size", self->max_scan_size, VT_ENGINE_SCAN_SIZE_CEILING,
                      error) &&
         check_limit ("longest scan time", self->max_scan_time_s, VT_ENGINE_SCAN_TIME_CEILING,
                      error) &&
         check_limit ("deepest recursion", self->max_recursion, VT_ENGINE_RECURSION_CEILING,
                      error) &&
         check_limit ("largest number of files", self->max_files, VT_ENGINE_FILES_CEILING, error) &&
         check_limit ("largest unpacked size", self->max_unpacked_size, VT_ENGINE_SCAN_SIZE_CEILING,
                      error) &&
         check_limit ("largest ratio", self->max_ratio, VT_ENGINE_RATIO_CEILING, error) &&
         check_nested (self->max_nested, error) &&
         check_limit ("longest unpacking time", self->max_unpack_time_s,
                      VT_ENGINE_SCAN_TIME_CEILING, error);
}
