// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-config.h"

#include <string.h>

G_DEFINE_QUARK (vt_config_error_quark, vt_config_error)

gboolean
vt_config_parse_size (const char *text, guint64 *size)
{
  static const char units[] = "KMG";
  char *end;
  guint64 number = g_ascii_strtoull (text, &end, 10);
  guint shift = 0;
  const char *unit;

  while (*end == ' ')
    end++;
  unit = *end != '\0' ? strchr (units, g_ascii_toupper (*end)) : NULL;
  if (unit != NULL) {
    shift = 10 * (guint)(unit - units + 1);
    end++;
  }
  if (g_str_equal (end, "iB") || (g_str_equal (end, "B") && unit != NULL))
    end += strlen (end);
  if (!g_ascii_isdigit (text[0]) || *end != '\0' || number == 0 || number > G_MAXUINT64 >> shift)
    return FALSE;
  *size = number << shift;
  return TRUE;
}

gboolean
vt_config_parse_duration (const char *text, guint64 *seconds)
{
  static const struct {
    const char *unit;
    guint64 seconds;
  } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 60 * 60}, {"d", 24 * 60 * 60}};
  char *end;
  guint64 number = g_ascii_strtoull (text, &end, 10);

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_isdigit (text[0]) && g_str_equal (end, units[i].unit) &&
        number <= G_MAXUINT64 / units[i].seconds) {
      *seconds = number * units[i].seconds;
      return TRUE;
    }
  return FALSE;
}

/* In the largest unit that leaves a whole number. */
static char *
print_size (guint64 size)
{
  static const char *const units[] = {"", "K", "M", "G"};
  gsize i = 0;

  while (size > 0 && size % 1024 == 0 && i + 1 < G_N_ELEMENTS (units)) {
    size /= 1024;
    i++;
  }
  return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", size, units[i]);
}

static char *
print_duration (guint64 seconds)
{
  static const struct {
    const char *unit;
    guint64 seconds;
  } units[] = {{"d", 24 * 60 * 60}, {"h", 60 * 60}, {"m", 60}};

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (seconds > 0 && seconds % units[i].seconds == 0)
      return g_strdup_printf ("%" G_GUINT64_FORMAT "%s", seconds / units[i].seconds, units[i].unit);
  return g_strdup_printf ("%" G_GUINT64_FORMAT "s", seconds);
}

static gpointer
find_value (const VtConfigField *field, gpointer values)
{
  return (guint8 *)values + field->offset;
}

static gboolean
fail (const VtConfigField *field, const char *text, const char *what, GError **error)
{
  g_set_error (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_VALUE, "[%s] %s: '%s' is not %s",
               field->group, field->key, text, what);
  return FALSE;
}

static gboolean
take_number (const VtConfigField *field, const char *text, guint64 *value, GError **error)
{
  static const char *const whats[] = {
      [VT_CONFIG_NUMBER] = "a number",
      [VT_CONFIG_SIZE] = "a size such as 100M",
      [VT_CONFIG_DURATION] = "a time such as 90s, 30m, 12h or 7d",
  };
  guint64 number = 0;
  gboolean is_one;

  if (field->type == VT_CONFIG_SIZE)
    is_one = g_str_equal (text, "0") || vt_config_parse_size (text, &number);
  else if (field->type == VT_CONFIG_DURATION)
    is_one = vt_config_parse_duration (text, &number);
  else
    is_one = g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &number, NULL);
  if (!is_one)
    return fail (field, text, whats[field->type], error);
  if (number >= field->min && number <= field->max) {
    *value = number;
    return TRUE;
  }
  g_set_error (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_VALUE,
               "[%s] %s: '%s' is not from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
               field->group, field->key, text, field->min, field->max);
  return FALSE;
}

static gboolean
take_flag (const VtConfigField *field, const char *text, gboolean *value, GError **error)
{
  *value = g_str_equal (text, "true");
  return *value || g_str_equal (text, "false") || fail (field, text, "true or false", error);
}

/* Without what is empty, as before the first and behind the last semicolon. */
static GStrv
split (const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, ";", -1);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (gsize i = 0; parts[i] != NULL; i++) {
    g_strstrip (parts[i]);
    if (parts[i][0] != '\0')
      g_strv_builder_add (builder, parts[i]);
  }
  return g_strv_builder_end (builder);
}

static gboolean
take (const VtConfigField *field, const char *text, gpointer value, GError **error)
{
  switch (field->type) {
  case VT_CONFIG_TEXT:
    if (text[0] == '\0')
      return fail (field, text, "a text", error);
    *(char **)value = g_strdup (text);
    return TRUE;
  case VT_CONFIG_LIST:
    *(GStrv *)value = split (text);
    return TRUE;
  case VT_CONFIG_FLAG:
    return take_flag (field, text, value, error);
  case VT_CONFIG_NUMBER:
  case VT_CONFIG_SIZE:
  case VT_CONFIG_DURATION:
  default:
    return take_number (field, text, value, error);
  }
}

static gboolean
take_field (const VtConfigField *field, GKeyFile *file, gpointer values, GError **error)
{
  gpointer value = find_value (field, values);
  g_autoptr (GError) local_error = NULL;
  g_autofree char *text = NULL;

  if (g_key_file_has_key (file, field->group, field->key, NULL)) {
    text = g_key_file_get_string (file, field->group, field->key, &local_error);
    if (text != NULL)
      return take (field, g_strstrip (text), value, error);
    g_set_error (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_VALUE, "[%s] %s: %s", field->group,
                 field->key, local_error->message);
    return FALSE;
  }
  if (field->fallback != NULL)
    return take (field, field->fallback, value, error);
  if (field->type == VT_CONFIG_LIST)
    *(GStrv *)value = g_new0 (char *, 1);
  return TRUE;
}

static gboolean
is_known (const VtConfigField *fields, gsize n, const char *group, const char *key)
{
  for (gsize i = 0; i < n; i++)
    if (g_str_equal (fields[i].group, group) && (key == NULL || g_str_equal (fields[i].key, key)))
      return TRUE;
  return FALSE;
}

static gboolean
check_keys (const VtConfigField *fields, gsize n, GKeyFile *file, GError **error)
{
  g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

  for (gsize i = 0; groups[i] != NULL; i++) {
    g_auto (GStrv) keys = g_key_file_get_keys (file, groups[i], NULL, NULL);

    if (!is_known (fields, n, groups[i], NULL)) {
      g_set_error (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_KEY, "there is no group [%s]",
                   groups[i]);
      return FALSE;
    }
    for (gsize k = 0; keys[k] != NULL; k++)
      if (!is_known (fields, n, groups[i], keys[k])) {
        g_set_error (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_KEY, "[%s] has no key '%s'", groups[i],
                     keys[k]);
        return FALSE;
      }
  }
  return TRUE;
}

static gboolean
read_fields (
    const char *path, const VtConfigField *fields, gsize n, gpointer values, GError **error)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) local_error = NULL;

  if (path != NULL && !g_key_file_load_from_file (file, path, G_KEY_FILE_NONE, &local_error)) {
    g_set_error_literal (error, VT_CONFIG_ERROR, VT_CONFIG_ERROR_FILE, local_error->message);
    return FALSE;
  }
  if (!check_keys (fields, n, file, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (!take_field (fields + i, file, values, error))
      return FALSE;
  return TRUE;
}

gboolean
vt_config_read (
    const char *file, const VtConfigField *fields, gsize n, gpointer values, GError **error)
{
  if (read_fields (file, fields, n, values, error))
    return TRUE;
  if (file != NULL)
    g_prefix_error (error, "%s: ", file);
  return FALSE;
}

/* NULL: it is not set. */
static char *
print_value (const VtConfigField *field, gconstpointer values)
{
  gconstpointer value = (const guint8 *)values + field->offset;

  switch (field->type) {
  case VT_CONFIG_TEXT:
    return g_strdup (*(char *const *)value);
  case VT_CONFIG_LIST:
    return g_strjoinv (";", *(const GStrv *)value);
  case VT_CONFIG_FLAG:
    return g_strdup (*(const gboolean *)value ? "true" : "false");
  case VT_CONFIG_SIZE:
    return print_size (*(const guint64 *)value);
  case VT_CONFIG_DURATION:
    return print_duration (*(const guint64 *)value);
  case VT_CONFIG_NUMBER:
  default:
    return g_strdup_printf ("%" G_GUINT64_FORMAT, *(const guint64 *)value);
  }
}

/* With GKeyFile's own escapes. */
static char *
escape (const VtConfigField *field, const char *text)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();

  g_key_file_set_string (file, field->group, field->key, text);
  return g_key_file_get_value (file, field->group, field->key, NULL);
}

char *
vt_config_print (const VtConfigField *fields, gsize n, gconstpointer values)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; i < n; i++) {
    g_autofree char *value = print_value (fields + i, values);
    g_autofree char *escaped = value != NULL ? escape (fields + i, value) : NULL;

    if (i == 0 || !g_str_equal (fields[i].group, fields[i - 1].group))
      g_string_append_printf (text, "%s[%s]\n", i == 0 ? "" : "\n", fields[i].group);
    g_string_append_printf (text, "%s%s=%s\n", escaped == NULL ? "#" : "", fields[i].key,
                            escaped != NULL ? escaped : "");
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

void
vt_config_clear (const VtConfigField *fields, gsize n, gpointer values)
{
  for (gsize i = 0; i < n; i++) {
    gpointer value = find_value (fields + i, values);

    if (fields[i].type == VT_CONFIG_TEXT)
      g_clear_pointer ((char **)value, g_free);
    else if (fields[i].type == VT_CONFIG_LIST)
      g_clear_pointer ((GStrv *)value, g_strfreev);
  }
}
