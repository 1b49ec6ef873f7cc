// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Runs a scan and gathers, through every callback the engine has, what it did and did not look at.
 * The engine's own answer hides most of the latter: errors of reading and of temporary files,
 * limits that were reached, members of archives that were cut or passed over. Nothing here decides
 * on a verdict: vt-engine-observation.c does.
 */
#include "vt-engine-scan.h"

#include <string.h>

#include "vt-engine-audit.h"
#include "vt-engine-members.h"
#include "vt-engine-observation.h"
#include "vt-engine-settings.h"

/* A zip member is cut at the size limit without a word, up to one buffer of the unpacker short of
 * it. */
#define CUT_MARGIN ((guint64)8192)

/* End of a zip archive's directory (APPNOTE.TXT 4.3.16): its size, without the comment, and the
 * longest comment. */
#define ZIP_END_SIZE    22
#define ZIP_COMMENT_MAX 65535
/* Locator of the directory's end in archives above 4 GiB, just before (APPNOTE.TXT 4.3.15). */
#define ZIP64_LOCATOR_SIZE 20

/* Layers within layers; more than the deepest recursion. */
#define LAYERS_MAX (VT_ENGINE_RECURSION_CEILING + 2)

typedef struct {
  VtScanObservation seen;
  guint64 max_file_size;
  VtEngineAudit *audit; /* or NULL, where only a finding matters */
  /* Of each layer that is being scanned: whether zip headers in it belong to an archive. */
  gboolean is_archive[LAYERS_MAX];
  guint depth;
} Scan;

typedef cl_fmap_t VtClMap;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtClMap, cl_fmap_close)

static guint32
read_le32 (const guint8 *bytes)
{
  return bytes[0] | (guint32)bytes[1] << 8 | (guint32)bytes[2] << 16 | (guint32)bytes[3] << 24;
}

/* Whether the end record at OFFSET is preceded by the directory it tells of. */
static gboolean
is_zip_end (const guint8 *data, gsize offset)
{
  guint32 directory_size = read_le32 (data + offset + 12);

  if (offset >= ZIP64_LOCATOR_SIZE &&
      memcmp (data + offset - ZIP64_LOCATOR_SIZE, "PK\x06\x07", 4) == 0)
    return TRUE;
  return directory_size >= 4 && directory_size <= offset &&
         memcmp (data + offset - directory_size, "PK\x01\x02", 4) == 0;
}

/*
 * The engine takes any local header's signature for an archive that is attached to a program, and
 * those few bytes stand in many a program by chance. A real archive has a directory at its end.
 */
static gboolean
has_zip_directory (const guint8 *data, gsize size)
{
  gsize first = size > ZIP_END_SIZE + ZIP_COMMENT_MAX ? size - ZIP_END_SIZE - ZIP_COMMENT_MAX : 0;

  for (gsize end = size; end >= first + ZIP_END_SIZE; end--)
    if (memcmp (data + end - ZIP_END_SIZE, "PK\x05\x06", 4) == 0 &&
        is_zip_end (data, end - ZIP_END_SIZE))
      return TRUE;
  return FALSE;
}

static gboolean
starts_as_zip (const guint8 *data, gsize size)
{
  return size >= 4 && memcmp (data, "PK", 2) == 0;
}

/* Zip archives that are attached to something are taken apart where they are, and no layer. */
static void
note_archive (Scan *self, const char *type, const guint8 *data, gsize size)
{
  gboolean is_zip = data != NULL && (starts_as_zip (data, size) || has_zip_directory (data, size));

  if (self->depth < LAYERS_MAX)
    self->is_archive[self->depth] = is_zip;
  if (self->audit == NULL || data == NULL)
    return;
  if (is_zip && !vt_engine_members_can_list (type))
    type = "CL_TYPE_ZIP";
  vt_engine_audit_see (self->audit, type, data, size);
}

static cl_error_t
on_file_inspection (int fd,
                    const char *type,
                    const char **ancestors,
                    size_t parent_size,
                    const char *name,
                    size_t size,
                    const char *data,
                    uint32_t level,
                    uint32_t attributes,
                    void *context)
{
  Scan *self = context;
  const guint8 *bytes = (const guint8 *)data;

  self->seen.begun++;
  if (level == 0)
    self->seen.read_whole = data != NULL && size == self->seen.size;
  else if (data == NULL)
    self->seen.layer = VT_REASON_ENGINE_ERROR;
  else if (size + CUT_MARGIN > self->max_file_size)
    self->seen.member = VT_REASON_SIZE_LIMIT;
  note_archive (self, type, bytes, size);
  self->depth++;
  return CL_CLEAN;
}

static cl_error_t
on_post_scan (int fd, int result, const char *name, void *context)
{
  Scan *self = context;
  VtReason reason = vt_scan_observation_reason_of_result ((cl_error_t)result);

  self->seen.ended++;
  if (self->depth > 0)
    self->depth--;
  if (reason != VT_REASON_NONE)
    self->seen.layer = reason;
  return CL_CLEAN;
}

static cl_error_t
on_meta (const char *container,
         unsigned long packed_size,
         const char *name,
         unsigned long real_size,
         int is_encrypted,
         unsigned int position,
         void *context)
{
  Scan *self = context;

  if (g_strcmp0 (container, "CL_TYPE_ZIP") == 0 && self->depth > 0 && self->depth <= LAYERS_MAX &&
      !self->is_archive[self->depth - 1])
    return CL_CLEAN;
  if (is_encrypted != 0)
    self->seen.member = VT_REASON_ENCRYPTED;
  else if (real_size > self->max_file_size && self->seen.member == VT_REASON_NONE)
    self->seen.member = VT_REASON_SIZE_LIMIT;
  return CL_CLEAN;
}

static void
on_virus_found (int fd, const char *name, void *context)
{
  Scan *self = context;

  if (name != NULL)
    vt_scan_observation_add_alert (&self->seen, name);
}

static void
on_message (enum cl_msg severity, const char *full, const char *message, void *context)
{
  Scan *self = context;

  if (severity < CL_MSG_WARN)
    return;
  g_debug ("engine: %s", message);
  if (self != NULL)
    self->seen.complained = TRUE;
}

void
vt_engine_scan_set_callbacks (struct cl_engine *engine)
{
  cl_engine_set_clcb_file_inspection (engine, on_file_inspection);
  cl_engine_set_clcb_post_scan (engine, on_post_scan);
  cl_engine_set_clcb_meta (engine, on_meta);
  cl_engine_set_clcb_virus_found (engine, on_virus_found);
}

void
vt_engine_scan_set_message_callback (void)
{
  cl_set_clcb_msg (on_message);
}

static VtScanObservation
scan_once (struct cl_engine *engine,
           const VtEngineOptions *options,
           struct cl_scan_options scan_options,
           VtEngineAudit *audit,
           cl_fmap_t *map,
           guint64 size)
{
  Scan self = {.seen.size = size,
               .max_file_size = vt_engine_settings_get_max_file_size (options),
               .audit = audit};
  const char *name = NULL;
  unsigned long scanned = 0;

  self.seen.result = cl_scanmap_callback (map, NULL, &name, &scanned, engine, &scan_options, &self);
  if (self.seen.result == CL_VIRUS && name != NULL)
    vt_scan_observation_add_alert (&self.seen, name);
  return self.seen;
}

static VtVerdict
scan_map (struct cl_engine *engine, const VtEngineOptions *options, cl_fmap_t *map, guint64 size)
{
  g_autoptr (VtEngineAudit) audit = vt_engine_audit_new (options);
  VtScanObservation seen;
  VtScanObservation plain;

  seen = scan_once (engine, options, vt_engine_settings_get_strict (), audit, map, size);
  seen.unseen = vt_engine_audit_finish (audit);
  if (!seen.has_threat && seen.alert != VT_REASON_NONE) {
    /* Of several such alerts the engine names one: a heuristic detection may be behind it. */
    plain = scan_once (engine, options, vt_engine_settings_get_plain (), NULL, map, size);
    if (plain.has_threat)
      return vt_scan_observation_to_verdict (&plain);
  }
  return vt_scan_observation_to_verdict (&seen);
}

/* The engine would copy what it reads from a descriptor, and call clean what it cannot read. */
VtVerdict
vt_engine_scan_fd (struct cl_engine *engine, const VtEngineOptions *options, int fd, guint64 size)
{
  g_autoptr (GMappedFile) content = NULL;
  g_autoptr (VtClMap) map = NULL;
  g_autoptr (GError) error = NULL;

  if (size <= VT_ENGINE_TINY_MAX)
    return vt_verdict_clean ();
  if (size > vt_engine_settings_get_max_file_size (options))
    return vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
  content = g_mapped_file_new_from_fd (fd, FALSE, &error);
  if (content == NULL || g_mapped_file_get_length (content) != size)
    return vt_verdict_incomplete (VT_REASON_READ_ERROR);
  map = cl_fmap_open_memory (g_mapped_file_get_contents (content), (size_t)size);
  return map != NULL ? scan_map (engine, options, map, size)
                     : vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
}
