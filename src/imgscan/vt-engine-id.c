// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-engine-id.h"

#include <clamav.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-engine-settings.h"
#include "vt-fd.h"

/* More files than any database directory has; keeps a wrong --database DIR from being read whole.
 */
#define FILES_MAX 10000

G_DEFINE_QUARK (vt_engine_error_quark, vt_engine_error)

typedef struct cl_cvd VtClCvd;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtClCvd, cl_cvdfree)

/* What cl_load(3) takes from a directory, whatever else the name looks like: hidden files too. */
static const char *const database_suffixes[] = {
    ".cat",  ".cbc", ".cdb", ".cfg", ".cld", ".crb", ".cud",  ".cvd", ".db",   ".fp",
    ".ftm",  ".gdb", ".hdb", ".hdu", ".hsb", ".hsu", ".idb",  ".ign", ".ign2", ".imp",
    ".ioc",  ".ldb", ".ldu", ".mdb", ".mdu", ".msb", ".msu",  ".ndb", ".ndu",  ".pdb",
    ".pwdb", ".rmd", ".sdb", ".sfp", ".wdb", ".yar", ".yara", ".zmd",
};

/* What freshclam(1) keeps beside the databases. */
static const char *const other_suffixes[] = {".lock", ".log"};
static const char *const other_names[] = {"freshclam.dat", "mirrors.dat"};

static gboolean
has_suffix (const char *name, const char *const *suffixes, gsize n_suffixes)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (gsize i = 0; i < n_suffixes; i++)
    if (g_str_has_suffix (lower, suffixes[i]))
      return TRUE;
  return FALSE;
}

static gboolean
is_loaded (const char *name)
{
  return has_suffix (name, database_suffixes, G_N_ELEMENTS (database_suffixes));
}

/* A name nobody knows counts: at worst, files are scanned again. */
static gboolean
counts (const char *name)
{
  if (is_loaded (name))
    return TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (other_names); i++)
    if (strcmp (name, other_names[i]) == 0)
      return FALSE;
  return name[0] != '.' && !has_suffix (name, other_suffixes, G_N_ELEMENTS (other_suffixes));
}

static void
database_free (gpointer data)
{
  VtEngineDatabase *self = data;

  g_free (self->name);
  g_free (self);
}

/* Version, number of signatures and time, as far as the file has a header that says so. */
static void
read_header (VtEngineDatabase *database, const char *path)
{
  static const char *const with_header[] = {".cvd", ".cld", ".cud"};
  g_autoptr (VtClCvd) header = NULL;

  if (!has_suffix (database->name, with_header, G_N_ELEMENTS (with_header)))
    return;
  header = cl_cvdhead (path);
  if (header == NULL)
    return;
  database->version = header->version;
  database->signatures = header->sigs;
  database->time = header->stime;
}

static void
set_file_error (GError **error, const char *path)
{
  int saved_errno = errno;
  g_autofree char *display = g_filename_display_name (path);

  g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "signatures: %s: %s", display,
               g_strerror (saved_errno));
}

/* FALSE and no error: not a regular file. */
static gboolean
add_database (
    VtEngineId *self, const char *dir, const char *name, VtFileDigests *digests, GError **error)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  /* Not to wait for the other end if somebody has put a pipe there. */
  vt_autofd fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  VtEngineDatabase *database;
  struct stat status;

  if (fd < 0 || fstat (fd, &status) != 0) {
    set_file_error (error, path);
    return FALSE;
  }
  if (!S_ISREG (status.st_mode))
    return FALSE;
  database = g_new0 (VtEngineDatabase, 1);
  database->name = g_strdup (name);
  database->time = status.st_mtime;
  g_ptr_array_add (self->databases, database);
  read_header (database, path);
  if (vt_file_digests_get (digests, fd, &status, &database->digest, error))
    return TRUE;
  g_prefix_error (error, "signatures: %s: ", name);
  return FALSE;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static void
set_no_database_error (GError **error, const char *dir)
{
  g_autofree char *display = g_filename_display_name (dir);

  g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_NO_DATABASE,
               "no signatures in %s: run 'vtemplater db update', or freshclam, or name another "
               "directory with --database",
               display);
}

static GPtrArray *
list_names (const char *path, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GDir) dir = g_dir_open (path, 0, &local_error);
  const char *name;

  if (dir == NULL) {
    if (g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      set_no_database_error (error, path);
    else
      g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "signatures: %s",
                   local_error->message);
    return NULL;
  }
  while ((name = g_dir_read_name (dir)) != NULL)
    if (counts (name))
      g_ptr_array_add (names, g_strdup (name));
  if (names->len > FILES_MAX) {
    g_set_error (error, VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED,
                 "signatures: %s has %u files, at most %u are taken", path, names->len, FILES_MAX);
    return NULL;
  }
  g_ptr_array_sort (names, compare_names);
  return g_steal_pointer (&names);
}

static char *
make_id (const VtEngineId *self, const char *settings)
{
  g_autoptr (VtHasher) hasher = vt_hasher_new ();
  char hex[VT_DIGEST_HEX_SIZE];
  VtDigest digest;

  /* The closing NULs keep what one part ends with from being taken for the next one's start. */
  vt_hasher_update (hasher, settings, strlen (settings) + 1);
  for (guint i = 0; i < self->databases->len; i++) {
    const VtEngineDatabase *database = g_ptr_array_index (self->databases, i);

    vt_hasher_update (hasher, database->name, strlen (database->name) + 1);
    vt_hasher_update (hasher, database->digest.bytes, sizeof database->digest.bytes);
  }
  digest = vt_hasher_finish (hasher);
  return g_strdup (vt_digest_to_hex (&digest, hex));
}

static char *
digest_settings (const char *settings)
{
  const VtDigest digest = vt_digest_of_data (settings, strlen (settings));
  char hex[VT_DIGEST_HEX_SIZE];

  return g_strdup (vt_digest_to_hex (&digest, hex));
}

VtEngineId *
vt_engine_id_new (const VtEngineOptions *options, VtFileDigests *digests, GError **error)
{
  g_autoptr (VtEngineId) self = g_new0 (VtEngineId, 1);
  g_autofree char *settings = vt_engine_settings_describe (options);
  g_autoptr (GPtrArray) names = NULL;
  gboolean any_loaded = FALSE;

  self->version = g_strdup (cl_retver ());
  self->flevel = cl_retflevel ();
  self->databases = g_ptr_array_new_with_free_func (database_free);
  names = list_names (options->database_dir, error);
  if (names == NULL)
    return NULL;
  for (guint i = 0; i < names->len; i++) {
    const char *name = g_ptr_array_index (names, i);
    GError *local_error = NULL;

    if (add_database (self, options->database_dir, name, digests, &local_error)) {
      any_loaded |= is_loaded (name);
    } else if (local_error != NULL) {
      g_propagate_error (error, local_error);
      return NULL;
    }
  }
  if (!any_loaded) {
    set_no_database_error (error, options->database_dir);
    return NULL;
  }
  self->settings = digest_settings (settings);
  self->id = make_id (self, settings);
  return g_steal_pointer (&self);
}

gint64
vt_engine_id_get_signature_time (const VtEngineId *self)
{
  gint64 newest = G_MININT64;

  for (guint i = 0; i < self->databases->len; i++) {
    const VtEngineDatabase *database = g_ptr_array_index (self->databases, i);

    newest = MAX (newest, database->time);
  }
  return newest;
}

void
vt_engine_id_free (VtEngineId *self)
{
  g_free (self->version);
  g_clear_pointer (&self->databases, g_ptr_array_unref);
  g_free (self->settings);
  g_free (self->id);
  g_free (self);
}
