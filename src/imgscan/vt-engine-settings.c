// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-settings.h"

#include "vt-engine-id.h"

/* To be raised whenever the same answers of the engine lead to another verdict than before. */
#define VERDICT_RULES 3

/* libclamav takes 2 less than the ceiling it names, and lowers anything above without a word. */
#define ENGINE_FILE_SIZE_MAX ((guint64)G_MAXINT32 - 2)

/* Defaults of clamscan(1) 1.4. They are set all the same: a library's own may change. */
#define BYTECODE_TIMEOUT_MS 10000
#define PCRE_MATCH_LIMIT    100000
#define PCRE_RECMATCH_LIMIT 2000

/* A recursion on the engine's stack; what is deeper ends with an error, not in silence. */
#define MAX_REC_HWP3 16

/* What is beyond these is passed by without a word, so they are far above what real files have: a
 * GPT has 128 entries. But the work is quadratic in them, or goes on without regard to the clock.
 */
#define MAX_PARTITIONS 1024
#define MAX_ICONS_PE   1024

#define PARSE_ALL                                                                                  \
  (CL_SCAN_PARSE_ARCHIVE | CL_SCAN_PARSE_ELF | CL_SCAN_PARSE_PDF | CL_SCAN_PARSE_SWF |             \
   CL_SCAN_PARSE_HWP3 | CL_SCAN_PARSE_XMLDOCS | CL_SCAN_PARSE_MAIL | CL_SCAN_PARSE_OLE2 |          \
   CL_SCAN_PARSE_HTML | CL_SCAN_PARSE_PE | CL_SCAN_PARSE_ONENOTE | CL_SCAN_PARSE_IMAGE |           \
   CL_SCAN_PARSE_IMAGE_FUZZY_HASH)

typedef struct {
  enum cl_engine_field field;
  const char *name;
  gint64 value;
} Setting;

#define N_SETTINGS 20

guint64
vt_engine_settings_get_max_file_size (const VtEngineOptions *options)
{
  return MIN (options->max_file_size, ENGINE_FILE_SIZE_MAX);
}

static void
fill_table (const VtEngineOptions *options, Setting table[N_SETTINGS])
{
  gint64 file_size = (gint64)vt_engine_settings_get_max_file_size (options);
  const Setting settings[N_SETTINGS] = {
      {CL_ENGINE_MAX_SCANSIZE, "max-scan-size", (gint64)options->max_scan_size},
      {CL_ENGINE_MAX_FILESIZE, "max-file-size", file_size},
      {CL_ENGINE_MAX_RECURSION, "max-recursion", options->max_recursion},
      {CL_ENGINE_MAX_FILES, "max-files", options->max_files},
      {CL_ENGINE_MAX_SCANTIME, "max-scan-time-ms", (gint64)options->max_scan_time_s * 1000},
      {CL_ENGINE_KEEPTMP, "keep-tmp", 0},
      {CL_ENGINE_DISABLE_CACHE, "disable-cache", 1},
      {CL_ENGINE_BYTECODE_SECURITY, "bytecode-security", CL_BYTECODE_TRUST_SIGNED},
      {CL_ENGINE_BYTECODE_TIMEOUT, "bytecode-timeout-ms", BYTECODE_TIMEOUT_MS},
      {CL_ENGINE_PCRE_MATCH_LIMIT, "pcre-match-limit", PCRE_MATCH_LIMIT},
      {CL_ENGINE_PCRE_RECMATCH_LIMIT, "pcre-recmatch-limit", PCRE_RECMATCH_LIMIT},
      /* Larger contents pass these steps by without a word: so none may be larger. */
      {CL_ENGINE_PCRE_MAX_FILESIZE, "pcre-max-file-size", file_size},
      {CL_ENGINE_MAX_EMBEDDEDPE, "max-embedded-pe", file_size},
      {CL_ENGINE_MAX_HTMLNORMALIZE, "max-html-normalize", file_size},
      {CL_ENGINE_MAX_HTMLNOTAGS, "max-html-no-tags", file_size},
      {CL_ENGINE_MAX_SCRIPTNORMALIZE, "max-script-normalize", file_size},
      {CL_ENGINE_MAX_ZIPTYPERCG, "max-zip-type-rcg", file_size},
      {CL_ENGINE_MAX_PARTITIONS, "max-partitions", MAX_PARTITIONS},
      {CL_ENGINE_MAX_ICONSPE, "max-icons-pe", MAX_ICONS_PE},
      {CL_ENGINE_MAX_RECHWP3, "max-rec-hwp3", MAX_REC_HWP3},
  };

  for (gsize i = 0; i < N_SETTINGS; i++)
    table[i] = settings[i];
}

gboolean
vt_engine_settings_apply (const VtEngineOptions *options, struct cl_engine *engine, GError **error)
{
  Setting table[N_SETTINGS];

  fill_table (options, table);
  for (gsize i = 0; i < N_SETTINGS; i++) {
    cl_error_t result = cl_engine_set_num (engine, table[i].field, table[i].value);

    if (result != CL_SUCCESS ||
        cl_engine_get_num (engine, table[i].field, NULL) != table[i].value) {
      g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED,
                   "engine does not take %" G_GINT64_FORMAT " for %s: %s", table[i].value,
                   table[i].name, cl_strerror (result));
      return FALSE;
    }
  }
  return TRUE;
}

struct cl_scan_options
vt_engine_settings_get_plain (void)
{
  return (struct cl_scan_options){.general = CL_SCAN_GENERAL_HEURISTICS, .parse = PARSE_ALL};
}

struct cl_scan_options
vt_engine_settings_get_strict (void)
{
  struct cl_scan_options options = vt_engine_settings_get_plain ();

  options.heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX | CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE |
                      CL_SCAN_HEURISTIC_ENCRYPTED_DOC;
  return options;
}

char *
vt_engine_settings_describe (const VtEngineOptions *options)
{
  struct cl_scan_options strict = vt_engine_settings_get_strict ();
  GString *text = g_string_new (NULL);
  Setting table[N_SETTINGS];

  g_string_append_printf (text, "rules=%d\nlibclamav=%s\nflevel=%u\ndb-options=%u\n", VERDICT_RULES,
                          cl_retver (), cl_retflevel (), VT_ENGINE_DB_OPTIONS);
  g_string_append_printf (text, "general=%u\nparse=%u\nheuristic=%u\nmail=%u\n", strict.general,
                          strict.parse, strict.heuristic, strict.mail);
  fill_table (options, table);
  for (gsize i = 0; i < N_SETTINGS; i++)
    g_string_append_printf (text, "%s=%" G_GINT64_FORMAT "\n", table[i].name, table[i].value);
  g_string_append_printf (text,
                          "max-unpacked-size=%" G_GUINT64_FORMAT "\nmax-ratio=%" G_GUINT64_FORMAT
                          "\nmax-nested=%u\nmax-unpack-time=%u\n",
                          options->max_unpacked_size, options->max_ratio, options->max_nested,
                          options->max_unpack_time_s);
  return g_string_free (text, FALSE);
}
