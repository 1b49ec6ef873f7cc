// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-findings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "vt-fd.h"
#include "vt-json-reader.h"

/* What is read of a report; vt-report-json.c writes it. */
#define SCHEMA_VERSION 1
#define TOOL           "vtemplater"
/* Images in one report. */
#define REPORTS_MAX 10000
/* What is incomplete: files, and whole file systems. */
#define INCOMPLETE_MAX (VT_SCAN_RESULT_LISTED_MAX + 10000)
/* Bytes of other texts. */
#define TEXT_MAX ((gsize)4096)

G_DEFINE_QUARK (vt_findings_error_quark, vt_findings_error)

static void
finding_free (VtFinding *self)
{
  g_free (self->path);
  g_free (self->fs);
  g_free (self->threat);
  g_strfreev (self->members);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtFinding, finding_free)

static VtFindings *
findings_new (void)
{
  VtFindings *self = g_new0 (VtFindings, 1);

  self->findings = g_ptr_array_new_with_free_func ((GDestroyNotify)finding_free);
  return self;
}

void
vt_findings_free (VtFindings *self)
{
  g_ptr_array_unref (self->findings);
  g_free (self);
}

static VtFinding *
finding_of_file (const VtScanResult *result, const VtFileResult *file)
{
  const VtFilesystem *filesystem = g_ptr_array_index (result->filesystems, file->filesystem);
  VtFinding *self = g_new0 (VtFinding, 1);

  self->path = g_strdup (file->path);
  self->fs = g_strdup (filesystem->id);
  self->threat = g_strdup (file->verdict.threat);
  self->members =
      file->members != NULL && file->members[0] != NULL ? g_strdupv (file->members) : NULL;
  self->size = file->size;
  self->has_digest = file->has_digest;
  self->digest = file->digest;
  return self;
}

VtFindings *
vt_findings_of_result (const VtScanResult *result)
{
  VtFindings *self = findings_new ();

  for (guint i = 0; i < result->findings->len; i++)
    g_ptr_array_add (self->findings,
                     finding_of_file (result, g_ptr_array_index (result->findings, i)));
  self->infected = result->stats.infected;
  self->incomplete = result->stats.incomplete > 0 || result->partial || result->error != NULL;
  for (guint i = 0; i < result->filesystems->len; i++)
    if (((const VtFilesystem *)g_ptr_array_index (result->filesystems, i))->reason !=
        VT_REASON_NONE)
      self->incomplete = TRUE;
  return self;
}

static gboolean
fail (const char *name, const char *what, GError **error)
{
  g_set_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_MALFORMED, "report: \"%s\" is %s", name,
               what);
  return FALSE;
}

static gboolean
parse_text (JsonObject *object, const char *name, gsize max_size, char **text, GError **error)
{
  *text = g_strdup (vt_json_get_text (object, name, max_size));
  return (*text != NULL && (*text)[0] != '\0') || fail (name, "not a text, or too long", error);
}

static gboolean
parse_digest (VtFinding *self, JsonObject *object, GError **error)
{
  const char *hex = vt_json_get_text (object, "sha256", VT_DIGEST_HEX_SIZE);

  if (vt_json_is_null (object, "sha256"))
    return TRUE;
  self->has_digest = hex != NULL && vt_digest_from_hex (hex, &self->digest);
  return self->has_digest || fail ("sha256", "not 64 hexadecimal digits", error);
}

static VtFinding *
parse_finding (JsonObject *object, GError **error)
{
  g_autoptr (VtFinding) self = g_new0 (VtFinding, 1);

  self->path = vt_json_get_bytes (object, "path", VT_FINDINGS_PATH_MAX);
  if (self->path == NULL || self->path[0] != '/') {
    fail ("path", "not an absolute path, or too long", error);
    return NULL;
  }
  if (!parse_text (object, "fs", VT_FINDINGS_PATH_MAX, &self->fs, error) ||
      !parse_text (object, "threat", VT_THREAT_MAX, &self->threat, error) ||
      !parse_digest (self, object, error))
    return NULL;
  if (!vt_json_get_number (object, "size", VT_JSON_READER_NUMBER_MAX, &self->size)) {
    fail ("size", "not a number from 0 to 2^53 - 1", error);
    return NULL;
  }
  self->members = vt_json_get_bytes_array (object, "members", VT_MEMBERS_MAX, VT_MEMBER_NAME_MAX);
  if (self->members == NULL) {
    fail ("members", "not a list of names, or too long", error);
    return NULL;
  }
  if (self->members[0] == NULL)
    g_clear_pointer (&self->members, g_strfreev);
  return g_steal_pointer (&self);
}

static gboolean
parse_list (VtFindings *self, JsonObject *report, GError **error)
{
  JsonArray *findings = vt_json_get_objects (report, "findings", VT_SCAN_RESULT_LISTED_MAX);

  if (findings == NULL)
    return fail ("findings", "not a list of objects, or too long", error);
  for (guint i = 0; i < json_array_get_length (findings); i++) {
    VtFinding *finding = parse_finding (json_array_get_object_element (findings, i), error);

    if (finding == NULL) {
      g_prefix_error (error, "finding %u: ", i + 1);
      return FALSE;
    }
    g_ptr_array_add (self->findings, finding);
  }
  return TRUE;
}

static gboolean
parse_end (VtFindings *self, JsonObject *report, GError **error)
{
  JsonObject *stats = vt_json_get_object (report, "stats");
  JsonArray *incomplete = vt_json_get_objects (report, "incomplete", INCOMPLETE_MAX);
  gboolean partial;
  guint64 files;

  if (stats == NULL ||
      !vt_json_get_number (stats, "infected", VT_JSON_READER_NUMBER_MAX, &self->infected) ||
      !vt_json_get_number (stats, "incomplete", VT_JSON_READER_NUMBER_MAX, &files))
    return fail ("stats", "without the numbers of infected and incomplete files", error);
  if (incomplete == NULL)
    return fail ("incomplete", "not a list of objects, or too long", error);
  if (!vt_json_get_boolean (report, "partial", &partial))
    return fail ("partial", "neither true nor false", error);
  if (!json_object_has_member (report, "error"))
    return fail ("error", "missing", error);
  self->incomplete = files > 0 || json_array_get_length (incomplete) > 0 || partial ||
                     !vt_json_is_null (report, "error");
  return TRUE;
}

static gboolean
check_head (JsonObject *object, GError **error)
{
  JsonObject *tool = vt_json_get_object (object, "tool");
  const char *name = tool != NULL ? vt_json_get_text (tool, "name", TEXT_MAX) : NULL;
  guint64 schema;

  if (g_strcmp0 (name, TOOL) != 0)
    return fail ("tool", "not " TOOL, error);
  return (vt_json_get_number (object, "schema", VT_JSON_READER_NUMBER_MAX, &schema) &&
          schema == SCHEMA_VERSION) ||
         fail ("schema", "not " G_STRINGIFY (SCHEMA_VERSION), error);
}

static gboolean
is_of_image (JsonObject *report, const char *image)
{
  JsonObject *object = vt_json_get_object (report, "image");
  g_autofree char *path =
      object != NULL ? vt_json_get_bytes (object, "path", VT_FINDINGS_PATH_MAX) : NULL;

  return g_strcmp0 (path, image) == 0;
}

/* NULL: there is not exactly one that is IMAGE's. It is the object's. */
static JsonObject *
find_report (JsonObject *object, const char *image, GError **error)
{
  JsonArray *reports = vt_json_get_objects (object, "reports", REPORTS_MAX);
  JsonObject *found = NULL;
  guint n = 0;

  if (!json_object_has_member (object, "reports"))
    return object;
  if (reports == NULL) {
    fail ("reports", "not a list of objects, or too long", error);
    return NULL;
  }
  for (guint i = 0; i < json_array_get_length (reports); i++)
    if (is_of_image (json_array_get_object_element (reports, i), image)) {
      found = json_array_get_object_element (reports, i);
      n++;
    }
  if (n == 1)
    return found;
  g_set_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_IMAGE,
               "report: %u of its images are named %s", n, image);
  return NULL;
}

VtFindings *
vt_findings_parse (GBytes *report, const char *image, GError **error)
{
  g_autoptr (JsonObject) object = vt_json_read_object (report, VT_FINDINGS_REPORT_MAX, error);
  g_autoptr (VtFindings) self = findings_new ();
  JsonObject *own;

  if (object == NULL || !check_head (object, error))
    return NULL;
  own = find_report (object, image, error);
  return own != NULL && parse_list (self, own, error) && parse_end (self, own, error)
             ? g_steal_pointer (&self)
             : NULL;
}

static GBytes *
read_file (const char *file, GError **error)
{
  vt_autofd fd = open (file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  g_autofree guint8 *bytes = NULL;
  struct stat info;
  gssize n = -1;

  if (fd >= 0 && fstat (fd, &info) == 0) {
    if (!S_ISREG (info.st_mode) || (guint64)info.st_size > VT_FINDINGS_REPORT_MAX) {
      g_set_error (error, VT_FINDINGS_ERROR, VT_FINDINGS_ERROR_MALFORMED,
                   "not a regular file of at most %zu bytes", VT_FINDINGS_REPORT_MAX);
      return NULL;
    }
    bytes = g_malloc ((gsize)info.st_size + 1);
    n = vt_fd_read_at (fd, 0, bytes, (gsize)info.st_size);
  }
  if (n >= 0)
    return g_bytes_new_take (g_steal_pointer (&bytes), (gsize)n);
  g_set_error_literal (error, G_FILE_ERROR, (gint)g_file_error_from_errno (errno),
                       g_strerror (errno));
  return NULL;
}

VtFindings *
vt_findings_read (const char *file, const char *image, GError **error)
{
  g_autoptr (GBytes) report = read_file (file, error);
  VtFindings *self = report != NULL ? vt_findings_parse (report, image, error) : NULL;

  if (self == NULL)
    g_prefix_error (error, "%s: ", file);
  return self;
}
