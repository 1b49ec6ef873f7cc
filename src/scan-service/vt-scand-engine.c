// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-scand-engine.h"

#include <errno.h>
#include <unistd.h>

#include "vt-fd.h"
#include "vt-memfd.h"
#include "vt-source.h"

/* Between two tries to get back an engine that was lost. */
#define RETRY_S 5

typedef struct {
  VtScandEngine *engine; /* not owned */
  VtEngineId *id;
  VtScanPool *pool;
  VtScanFlights *flights;
  VtScanScope *scope;
  guint underway;   /* contents without a verdict */
  gboolean retired; /* goes when there are none */
  GSource *unused;  /* then */
} Generation;

struct _VtScandEngine {
  GObject parent_instance;

  VtScandEngineSetup setup;
  Generation *current; /* in force; NULL: none is */
  Generation *next;    /* being loaded or tried; NULL: none is */
  GPtrArray *all;      /* of Generation: these, and those that are retired and not gone */
  gboolean stopped;
  gboolean looking; /* a thread is at the signatures */
  gboolean look_again;
  GSource *retry;
};

G_DEFINE_TYPE (VtScandEngine, vt_scand_engine, G_TYPE_OBJECT)

enum { SIGNAL_IN_FORCE, SIGNAL_CONFIRMED, SIGNAL_REFUSED, SIGNAL_LOST, SIGNAL_MESSAGE, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
say (Generation *self, GLogLevelFlags level, const char *text)
{
  g_signal_emit (self->engine, signals[SIGNAL_MESSAGE], 0, (guint)level, text);
}

/* Events of its contents. The engine is loaded before it gets any. */

static void
on_needed (gpointer user_data)
{
}

static void
on_store_failed (const GError *error, gpointer user_data)
{
  say (user_data, G_LOG_LEVEL_WARNING, error->message);
}

static void
on_said (const char *text, gpointer user_data)
{
  say (user_data, G_LOG_LEVEL_DEBUG, text);
}

static const VtScanScopeEvents events = {
    .need_engine = on_needed,
    .failed = on_store_failed,
    .store_failed = on_store_failed,
    .say = on_said,
    .hashed = on_needed,
};

/* What is still underway is answered, without a verdict. */
static void
generation_free (Generation *self)
{
  self->retired = FALSE;
  vt_source_clear (&self->unused);
  g_ptr_array_remove_fast (self->engine->all, self);
  g_signal_handlers_disconnect_by_data (self->pool, self);
  vt_scan_scope_take_down (self->scope);
  vt_scan_scope_unref (self->scope);
  g_object_unref (self->pool);
  vt_scan_flights_free (self->flights);
  vt_engine_id_free (self->id);
  g_free (self);
}

static gboolean
on_unused (gpointer user_data)
{
  generation_free (user_data);
  return G_SOURCE_REMOVE;
}

/* Never at once: one of its contents may be what is being answered. */
static void
free_if_unused (Generation *self)
{
  if (!self->retired || self->underway > 0 || self->unused != NULL)
    return;
  self->unused = g_idle_source_new ();
  g_source_set_callback (self->unused, on_unused, self, NULL);
  g_source_attach (self->unused, g_main_context_get_thread_default ());
}

static void
retire (Generation *self)
{
  self->retired = TRUE;
  free_if_unused (self);
}

static void take_next (VtScandEngine *self);
static void refuse_next (VtScandEngine *self, const GError *error);

/* What no signature may find anything in: who has one that does would call everything infected. */
static const char harmless[] =
    "This text is harmless. A scan service that finds something in it does "
    "not take the signatures that do.\n";

static void
on_proven (const VtScanAnswer *answer, gpointer user_data)
{
  Generation *self = user_data;
  g_autoptr (GError) error = NULL;

  self->underway--;
  if (self->engine->stopped)
    return;
  if (self->retired) {
    free_if_unused (self);
    return;
  }
  if (answer->verdict.kind == VT_VERDICT_CLEAN) {
    take_next (self->engine);
    return;
  }
  error = g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED,
                       "the signatures find something in a harmless text (%s)",
                       answer->verdict.kind == VT_VERDICT_INFECTED
                           ? answer->verdict.threat
                           : vt_reason_to_string (answer->verdict.reason));
  refuse_next (self->engine, error);
}

static int
make_harmless (void)
{
  vt_autofd memfd = vt_memfd_new ("harmless");

  return memfd >= 0 && vt_fd_write_at (memfd, 0, harmless, sizeof harmless - 1) &&
                 vt_memfd_seal (memfd)
             ? vt_fd_steal (&memfd)
             : -1;
}

static void
on_loaded (VtScanPool *pool, guint n_signatures, Generation *self)
{
  int memfd = self->retired ? -1 : make_harmless ();
  g_autoptr (GError) error = NULL;

  if (self->retired)
    return;
  if (memfd < 0) {
    error = g_error_new (VT_ENGINE_ERROR, VT_ENGINE_ERROR_FAILED, "memory for a trial: %s",
                         g_strerror (errno));
    refuse_next (self->engine, error);
    return;
  }
  self->underway++;
  vt_scan_scope_scan (self->scope, memfd, sizeof harmless - 1, on_proven, self);
}

/* Of the one that is loading, it is why it cannot be; the one in force is loaded anew. */
static void
on_failed (VtScanPool *pool, const GError *error, Generation *self)
{
  VtScandEngine *engine = self->engine;

  if (self->retired)
    return;
  if (engine->next == self) {
    refuse_next (engine, error);
    return;
  }
  engine->current = NULL;
  g_signal_emit (engine, signals[SIGNAL_LOST], 0, error);
  retire (self);
  vt_scand_engine_look (engine);
}

static void
on_worker_lost (VtScanPool *pool, const char *what, gpointer owner, Generation *self)
{
  say (self, G_LOG_LEVEL_WARNING, what);
}

static void
on_warning (VtScanPool *pool, const char *what, Generation *self)
{
  say (self, G_LOG_LEVEL_WARNING, what);
}

/* Takes ID. */
static Generation *
generation_new (VtScandEngine *engine, VtEngineId *id)
{
  const VtScandEngineSetup *setup = &engine->setup;
  Generation *self = g_new0 (Generation, 1);
  VtScanContext context = {
      .spawner = setup->spawner,
      .engine_id = id,
      .store = setup->store,
      .unpack_pool = setup->unpack_pool,
      .limits = setup->options,
  };

  self->engine = engine;
  g_ptr_array_add (engine->all, self);
  self->id = id;
  self->pool = vt_scan_pool_new (setup->spawner, setup->options, setup->workers);
  self->flights = vt_scan_flights_new ();
  context.pool = self->pool;
  context.flights = self->flights;
  self->scope = vt_scan_scope_new (&context, setup->image, &events, self);
  g_signal_connect (self->pool, "loaded", G_CALLBACK (on_loaded), self);
  g_signal_connect (self->pool, "failed", G_CALLBACK (on_failed), self);
  g_signal_connect (self->pool, "worker-lost", G_CALLBACK (on_worker_lost), self);
  g_signal_connect (self->pool, "warning", G_CALLBACK (on_warning), self);
  return self;
}

static void
look_again_if_asked (VtScandEngine *self)
{
  if (self->look_again)
    vt_scand_engine_look (self);
}

static void
take_next (VtScandEngine *self)
{
  Generation *before = self->current;

  self->current = g_steal_pointer (&self->next);
  g_signal_emit (self, signals[SIGNAL_IN_FORCE], 0, self->current->id);
  if (before != NULL)
    retire (before);
  look_again_if_asked (self);
}

static gboolean
on_retry (gpointer user_data)
{
  VtScandEngine *self = user_data;

  vt_source_clear (&self->retry);
  vt_scand_engine_look (self);
  return G_SOURCE_REMOVE;
}

/* Without any engine, what was refused is tried again: what was wrong may have been of this host.
 */
static void
retry_if_without (VtScandEngine *self)
{
  if (self->current != NULL || self->retry != NULL)
    return;
  self->retry = g_timeout_source_new_seconds (RETRY_S);
  g_source_set_callback (self->retry, on_retry, self, NULL);
  g_source_attach (self->retry, g_main_context_get_thread_default ());
}

static void
refuse (VtScandEngine *self, const GError *error)
{
  g_signal_emit (self, signals[SIGNAL_REFUSED], 0, error);
  retry_if_without (self);
  look_again_if_asked (self);
}

static void
refuse_next (VtScandEngine *self, const GError *error)
{
  retire (g_steal_pointer (&self->next));
  refuse (self, error);
}

/* What is in the directory of signatures. */

static void
read_id (GTask *task, gpointer source, gpointer options, GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  VtEngineId *id = vt_engine_id_new (options, NULL, &error);

  if (id != NULL)
    g_task_return_pointer (task, id, (GDestroyNotify)vt_engine_id_free);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  VtScandEngine *self = VT_SCAND_ENGINE (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (VtEngineId) id = g_task_propagate_pointer (G_TASK (result), &error);

  self->looking = FALSE;
  if (self->stopped)
    return;
  if (id == NULL) {
    refuse (self, error);
  } else if (self->current != NULL && g_str_equal (self->current->id->id, id->id)) {
    g_signal_emit (self, signals[SIGNAL_CONFIRMED], 0);
    look_again_if_asked (self);
  } else {
    self->next = generation_new (self, g_steal_pointer (&id));
    vt_scan_pool_load (self->next->pool, self->next->id->id);
  }
}

void
vt_scand_engine_look (VtScandEngine *self)
{
  g_autoptr (GTask) task = NULL;

  self->look_again = self->looking || self->next != NULL;
  if (self->look_again || self->stopped)
    return;
  self->looking = TRUE;
  task = g_task_new (self, NULL, on_read, NULL);
  g_task_set_task_data (task, vt_engine_options_copy (self->setup.options),
                        (GDestroyNotify)vt_engine_options_free);
  g_task_run_in_thread (task, read_id);
}

const VtEngineId *
vt_scand_engine_get_id (VtScandEngine *self)
{
  return self->current != NULL ? self->current->id : NULL;
}

/* Whom to answer. */
typedef struct {
  Generation *generation;
  VtScanAnswerFunc func;
  gpointer user_data;
} Question;

static void
on_answer (const VtScanAnswer *answer, gpointer user_data)
{
  g_autofree Question *question = user_data;
  Generation *generation = question->generation;

  generation->underway--;
  question->func (answer, question->user_data);
  free_if_unused (generation);
}

gboolean
vt_scand_engine_scan (
    VtScandEngine *self, int file, guint64 size, VtScanAnswerFunc func, gpointer user_data)
{
  Question *question;

  if (self->current == NULL)
    return FALSE;
  question = g_new (Question, 1);
  *question = (Question){self->current, func, user_data};
  self->current->underway++;
  vt_scan_scope_scan (self->current->scope, file, size, on_answer, question);
  return TRUE;
}

void
vt_scand_engine_forget_failures (VtScandEngine *self)
{
  if (self->current != NULL)
    vt_scan_scope_forget_failures (self->current->scope);
}

static gboolean
is_hashing (const VtScandEngine *self)
{
  for (guint i = 0; i < self->all->len; i++) {
    const Generation *generation = g_ptr_array_index (self->all, i);

    if (vt_scan_scope_get_hashing (generation->scope) > 0)
      return TRUE;
  }
  return FALSE;
}

void
vt_scand_engine_stop (VtScandEngine *self)
{
  self->stopped = TRUE;
  vt_source_clear (&self->retry);
  for (guint i = 0; i < self->all->len; i++)
    vt_scan_scope_end (((Generation *)g_ptr_array_index (self->all, i))->scope);
  while (is_hashing (self) || self->looking)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
  self->current = NULL;
  self->next = NULL;
  while (self->all->len > 0)
    generation_free (g_ptr_array_index (self->all, self->all->len - 1));
}

static void
vt_scand_engine_dispose (GObject *object)
{
  VtScandEngine *self = VT_SCAND_ENGINE (object);

  vt_scand_engine_stop (self);
  G_OBJECT_CLASS (vt_scand_engine_parent_class)->dispose (object);
}

static void
vt_scand_engine_finalize (GObject *object)
{
  g_ptr_array_unref (VT_SCAND_ENGINE (object)->all);
  G_OBJECT_CLASS (vt_scand_engine_parent_class)->finalize (object);
}

static void
vt_scand_engine_class_init (VtScandEngineClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vt_scand_engine_dispose;
  G_OBJECT_CLASS (klass)->finalize = vt_scand_engine_finalize;
  signals[SIGNAL_IN_FORCE] = g_signal_new ("in-force", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                           G_TYPE_NONE, 1, G_TYPE_POINTER);
  signals[SIGNAL_CONFIRMED] =
      g_signal_new ("confirmed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_REFUSED] = g_signal_new ("refused", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 1, G_TYPE_ERROR);
  signals[SIGNAL_LOST] = g_signal_new ("lost", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_ERROR);
  signals[SIGNAL_MESSAGE] = g_signal_new ("message", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 2, G_TYPE_UINT, G_TYPE_STRING);
}

static void
vt_scand_engine_init (VtScandEngine *self)
{
  self->all = g_ptr_array_new ();
}

VtScandEngine *
vt_scand_engine_new (const VtScandEngineSetup *setup)
{
  VtScandEngine *self = g_object_new (VT_TYPE_SCAND_ENGINE, NULL);

  self->setup = *setup;
  return self;
}
