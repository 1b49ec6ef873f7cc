// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Runs a scan and gathers, through every callback the engine has, what it did and did not look at.
 * The engine's own answer hides most of the latter: errors of reading and of temporary files,
 * limits that were reached, members of archives that were cut or passed over. Nothing here decides
 * on a verdict: vt-engine-observation.c does.
 */
#include "vt-engine-scan.h"

#include <string.h>

#include "vt-engine-attached.h"
#include "vt-engine-audit.h"
#include "vt-engine-observation.h"
#include "vt-engine-settings.h"

/* A zip member is cut at the size limit without a word, up to one buffer of the unpacker short of
 * it. */
#define CUT_MARGIN ((guint64)8192)

/* How the engine names the types that it does not look at, and compound files. */
#define IGNORED_TYPE  "CL_TYPE_IGNORED"
#define COMPOUND_TYPE "CL_TYPE_MSOLE2"

/* What a zip header says where the size stands elsewhere (APPNOTE.TXT 4.5.3). */
#define ZIP64_SIZE G_MAXUINT32

/* Layers within layers; more than the deepest recursion. */
#define LAYERS_MAX (VT_ENGINE_RECURSION_CEILING + 2)

typedef struct {
  gboolean is_archive;  /* zip headers in it belong to an archive */
  gboolean in_compound; /* it is a compound file, or in one */
  VtDigest place;       /* its type and those around it (vt-engine-layers.h) */
} Layer;

typedef struct {
  VtScanObservation seen;
  guint64 max_file_size;
  VtEngineAudit *audit; /* or NULL, where only a finding matters */
  GPtrArray *ignored;   /* of GBytes; what the engine does not look at is added. NULL: may not be */
  guint64 ignored_size; /* bytes of all of these */
  const VtEngineLayers *known; /* what need not be scanned again; NULL: everything must be */
  GArray *passed;              /* of VtDigest: the keys of the layers that came by, or NULL */
  Layer layers[LAYERS_MAX];    /* those that are being scanned, each in the one before */
  guint depth;                 /* how many */
} Scan;

typedef cl_fmap_t VtClMap;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtClMap, cl_fmap_close)

static gboolean
starts_as_zip (const guint8 *data, gsize size)
{
  return size >= 4 && memcmp (data, "PK", 2) == 0;
}

/* The layer around the one that begins now; NULL if there is none, or too many. */
static const Layer *
get_outer (const Scan *self)
{
  return self->depth > 0 && self->depth <= LAYERS_MAX ? &self->layers[self->depth - 1] : NULL;
}

/*
 * The engine takes any local header's signature for an archive that is attached to a program, and
 * those few bytes stand in many a program by chance. A real archive has a directory at its end.
 */
static void
push_layer (Scan *self, const VtEngineLayer *layer, guint32 attributes)
{
  const Layer *outer = get_outer (self);

  if (self->depth < LAYERS_MAX)
    self->layers[self->depth] = (Layer){
        .is_archive = layer->has_zip || starts_as_zip (layer->data, layer->size),
        .in_compound = layer->in_compound || strcmp (layer->type, COMPOUND_TYPE) == 0,
        .place =
            vt_engine_layers_place (outer != NULL ? &outer->place : NULL, layer->type, attributes),
    };
}

/*
 * Whether the layer that was just pushed, at LEVEL, need not be scanned. Between some layers the
 * engine has one that it does not tell of: what is in such a one is neither known nor remembered.
 */
static gboolean
is_known (Scan *self, const VtEngineLayer *layer, guint32 level)
{
  VtDigest key;

  if (self->known == NULL || level == 0 || level != self->depth || level >= LAYERS_MAX)
    return FALSE;
  key = vt_engine_layers_key (&self->layers[level].place, &layer->digest);
  if (vt_engine_layers_know (self->known, &key))
    return TRUE;
  g_array_append_val (self->passed, key);
  return FALSE;
}

/* Gives whether the engine may skip it. */
static gboolean
look_into (Scan *self, VtEngineLayer *layer, guint32 level, guint32 attributes)
{
  const Layer *outer = get_outer (self);
  gboolean known;

  layer->has_zip = vt_engine_attached_has_zip (layer->data, layer->size);
  layer->is_inner = level > 0;
  layer->in_compound = outer != NULL && outer->in_compound;
  if (level > 0 && self->audit != NULL)
    layer->digest = vt_digest_of_data (layer->data, layer->size);
  push_layer (self, layer, attributes);
  if (self->audit == NULL)
    return FALSE;
  known = is_known (self, layer, level);
  if (known)
    vt_engine_audit_pass (self->audit, layer);
  else
    vt_engine_audit_see (self->audit, layer);
  return known;
}

/*
 * Sounds, films and databases are of a type that the engine does not compare with anything. They
 * are so by their first bytes: with one more before these the type is another.
 */
static VtReason
keep_ignored (Scan *self, const char *data, gsize size)
{
  char *copy;

  if (self->ignored == NULL || data == NULL)
    return VT_REASON_ENGINE_ERROR;
  if (size >= self->max_file_size - self->ignored_size)
    return VT_REASON_SCAN_LIMIT;
  copy = g_try_malloc (size + 1);
  if (copy == NULL)
    return VT_REASON_ENGINE_ERROR;
  copy[0] = '\0';
  memcpy (copy + 1, data, size);
  g_ptr_array_add (self->ignored, g_bytes_new_take (copy, size + 1));
  self->ignored_size += size;
  return VT_REASON_NONE;
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
  VtEngineLayer layer = {.type = type, .data = (const guint8 *)data, .size = size};
  gboolean known = FALSE;

  self->seen.begun++;
  if (level == 0)
    self->seen.read_whole = data != NULL && size == self->seen.size;
  else if (data == NULL)
    self->seen.layer = VT_REASON_ENGINE_ERROR;
  else if (size + CUT_MARGIN > self->max_file_size)
    self->seen.member = VT_REASON_SIZE_LIMIT;
  if (data != NULL)
    known = look_into (self, &layer, level, attributes);
  if (!known && strcmp (type, IGNORED_TYPE) == 0 && self->seen.member == VT_REASON_NONE)
    self->seen.member = keep_ignored (self, data, size);
  self->depth++;
  return known ? CL_BREAK : CL_CLEAN;
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
      !self->layers[self->depth - 1].is_archive)
    return CL_CLEAN;
  if (is_encrypted != 0)
    self->seen.member = VT_REASON_ENCRYPTED;
  else if (real_size == ZIP64_SIZE && self->audit != NULL)
    return CL_CLEAN; /* the audit reads the other place */
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

/* What a scan rests on. */
typedef struct {
  struct cl_engine *engine;
  const VtEngineOptions *options;
  GPtrArray *ignored; /* this and what follows: as in Scan */
  const VtEngineLayers *known;
  GArray *passed;
} Setup;

static VtScanObservation
scan_once (const Setup *setup,
           struct cl_scan_options scan_options,
           VtEngineAudit *audit,
           cl_fmap_t *map,
           guint64 size)
{
  Scan self = {.seen.size = size,
               .max_file_size = vt_engine_settings_get_max_file_size (setup->options),
               .audit = audit,
               .ignored = audit != NULL ? setup->ignored : NULL,
               .known = audit != NULL ? setup->known : NULL,
               .passed = setup->passed};
  const char *name = NULL;
  unsigned long scanned = 0;

  self.seen.result =
      cl_scanmap_callback (map, NULL, &name, &scanned, setup->engine, &scan_options, &self);
  if (self.seen.result == CL_VIRUS && name != NULL)
    vt_scan_observation_add_alert (&self.seen, name);
  return self.seen;
}

static VtVerdict
scan_map (const Setup *setup, cl_fmap_t *map, guint64 size)
{
  g_autoptr (VtEngineAudit) audit = vt_engine_audit_new (setup->options);
  VtScanObservation seen;
  VtScanObservation plain;

  seen = scan_once (setup, vt_engine_settings_get_strict (), audit, map, size);
  seen.unseen = vt_engine_audit_finish (audit);
  if (!seen.has_threat && seen.alert != VT_REASON_NONE) {
    /* Of several such alerts the engine names one: a heuristic detection may be behind it. */
    plain = scan_once (setup, vt_engine_settings_get_plain (), NULL, map, size);
    if (plain.has_threat)
      return vt_scan_observation_to_verdict (&plain);
  }
  return vt_scan_observation_to_verdict (&seen);
}

static VtVerdict
scan_bytes (const Setup *setup, const void *data, gsize size)
{
  g_autoptr (VtClMap) map = cl_fmap_open_memory (data, size);

  return map != NULL ? scan_map (setup, map, size) : vt_verdict_incomplete (VT_REASON_ENGINE_ERROR);
}

/* The worse of VERDICT and what is found in what the engine did not look at. */
static VtVerdict
scan_ignored (const Setup *setup, VtVerdict verdict)
{
  const Setup again = {.engine = setup->engine, .options = setup->options};

  for (guint i = 0; i < setup->ignored->len && verdict.kind != VT_VERDICT_INFECTED; i++) {
    gsize size;
    const void *data = g_bytes_get_data (g_ptr_array_index (setup->ignored, i), &size);
    VtVerdict more = scan_bytes (&again, data, size);

    if (verdict.kind == VT_VERDICT_CLEAN || more.kind == VT_VERDICT_INFECTED)
      verdict = more;
  }
  return verdict;
}

/* The engine would copy what it reads from a descriptor, and call clean what it cannot read. */
static VtVerdict
scan_fd (const Setup *setup, int fd, guint64 size)
{
  g_autoptr (GMappedFile) content = NULL;
  g_autoptr (GError) error = NULL;

  if (size <= VT_ENGINE_TINY_MAX)
    return vt_verdict_clean ();
  if (size > vt_engine_settings_get_max_file_size (setup->options))
    return vt_verdict_incomplete (VT_REASON_SIZE_LIMIT);
  content = g_mapped_file_new_from_fd (fd, FALSE, &error);
  if (content == NULL || g_mapped_file_get_length (content) != size)
    return vt_verdict_incomplete (VT_REASON_READ_ERROR);
  return scan_ignored (setup, scan_bytes (setup, g_mapped_file_get_contents (content), size));
}

VtVerdict
vt_engine_scan_fd (struct cl_engine *engine,
                   const VtEngineOptions *options,
                   VtEngineLayers *known,
                   int fd,
                   guint64 size)
{
  g_autoptr (GPtrArray) ignored = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  g_autoptr (GArray) passed = g_array_new (FALSE, FALSE, sizeof (VtDigest));
  const Setup setup = {
      .engine = engine, .options = options, .ignored = ignored, .known = known, .passed = passed};
  VtVerdict verdict = scan_fd (&setup, fd, size);

  /* Where anything was amiss, nobody could say which of the layers it concerns. */
  if (known != NULL && verdict.kind == VT_VERDICT_CLEAN)
    vt_engine_layers_add (known, (const VtDigest *)(const void *)passed->data, passed->len);
  return verdict;
}
