// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Configuration files of services: groups of keys with values, as GKeyFile has them. A table says
 * which there are; anything else in the file is an error, so that no misspelt key is passed over.
 */
#pragma once

#include <gio/gio.h>

typedef enum {
  VT_CONFIG_TEXT,     /* char *, not empty; NULL without a fallback */
  VT_CONFIG_LIST,     /* GStrv, of texts between semicolons; never NULL */
  VT_CONFIG_FLAG,     /* gboolean: "true" or "false" */
  VT_CONFIG_NUMBER,   /* guint64 */
  VT_CONFIG_SIZE,     /* guint64, bytes: a number, or one with K, M or G for powers of 1,024 */
  VT_CONFIG_DURATION, /* guint64, seconds: a number, or one with s, m, h or d */
} VtConfigType;

typedef struct {
  const char *group;
  const char *key;
  VtConfigType type;
  gsize offset;         /* of the value in the caller's structure */
  const char *fallback; /* as it would stand in the file; NULL: none, or 0 */
  guint64 min;          /* of numbers, sizes and durations */
  guint64 max;
} VtConfigField;

typedef enum {
  VT_CONFIG_ERROR_FILE,  /* it cannot be read, or is no such file */
  VT_CONFIG_ERROR_KEY,   /* a group or key that does not exist */
  VT_CONFIG_ERROR_VALUE, /* a value that a key cannot have */
} VtConfigError;

#define VT_CONFIG_ERROR (vt_config_error_quark ())
GQuark vt_config_error_quark (void);

/* Fills VALUES, which is zero-filled, from FILE by the N FIELDS; from the fallbacks alone if FILE
 * is NULL. On failure VALUES is to be cleared as well. */
gboolean vt_config_read (const char *file,
                         const VtConfigField *fields,
                         gsize n,
                         gpointer values,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* VALUES as a file that reads back to the same; a text that is not set is a comment. Free with
 * g_free(). */
char *vt_config_print (const VtConfigField *fields, gsize n, gconstpointer values);
/* Frees what is in VALUES, but not that itself. */
void vt_config_clear (const VtConfigField *fields, gsize n, gpointer values);

/* "100M", "64 KiB", "1048576": K, M and G stand for powers of 1,024. FALSE: it is none, or 0. */
gboolean vt_config_parse_size (const char *text, guint64 *size);
/* "90", "90s", "30m", "12h", "7d", in seconds. FALSE: it is none. */
gboolean vt_config_parse_duration (const char *text, guint64 *seconds);
