// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-progress.h"

#include <stdio.h>

#define BAR_INTERVAL   (G_USEC_PER_SEC / 5)
#define PLAIN_INTERVAL (10 * G_USEC_PER_SEC)
#define CLEAR_LINE     "\r\033[K"
/* Before so much has been read a rate says little. */
#define RATE_MIN_SECONDS 2.0

struct _VtProgress {
  VtScanJob *job; /* NULL: there is none yet */
  VtProgressStyle style;
  gboolean quiet;
  gboolean verbose;
  char *label;
  gint64 shown;      /* monotonic time of the last line, microseconds */
  gint64 read_start; /* when the first file came; 0 before */
};

/* There is one standard error for all of them, and one line of it is written over: the oldest's. */
static GQueue all = G_QUEUE_INIT;
static gboolean line_is_open;

/* Never the name itself: the reader that sends it may be in somebody else's hands. */
static const char *
describe_phase (const char *phase)
{
  static const char *const names[][2] = {{"open", "opening the image"},
                                         {"launch", "starting the appliance"},
                                         {"inspect", "inspecting"},
                                         {"read", "scanning"},
                                         {"finish", "finishing"}};

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_strcmp0 (phase, names[i][0]) == 0)
      return names[i][1];
  return "working";
}

static void
append_rate (GString *line, const VtProgress *self, const VtScanProgress *progress)
{
  double seconds = (double)(g_get_monotonic_time () - self->read_start) / G_USEC_PER_SEC;
  double rate;

  if (self->read_start == 0 || seconds < RATE_MIN_SECONDS || progress->bytes == 0)
    return;
  rate = (double)progress->bytes / seconds;
  g_string_append_printf (line, ", %.1f MiB/s", rate / (1024 * 1024));
  if (progress->total_is_known && progress->total_bytes > progress->bytes) {
    guint left = (guint)((double)(progress->total_bytes - progress->bytes) / rate);
    g_string_append_printf (line, ", %u:%02u left", left / 60, left % 60);
  }
}

static char *
make_line (const VtProgress *self)
{
  const VtScanProgress progress = vt_scan_job_get_progress (self->job);
  g_autofree char *label = vt_report_escape (self->label);
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "%s: %s", label, describe_phase (progress.phase));
  if (progress.total_files > 0) {
    g_autofree char *done = vt_report_format_size (progress.bytes);
    g_autofree char *total = vt_report_format_size (progress.total_bytes);
    /* File systems that are still to be listed will add to it. */
    const char *more = progress.total_is_known ? "" : " or more";

    g_string_append_printf (line,
                            ", %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT "%s files, %s of %s%s",
                            progress.files, progress.total_files, more, done, total, more);
    append_rate (line, self, &progress);
  }
  if (self->style == VT_PROGRESS_BAR && all.length > 1)
    g_string_append_printf (line, "; %u more", all.length - 1);
  return g_string_free (line, FALSE);
}

static void
close_line (void)
{
  if (line_is_open)
    fputs (CLEAR_LINE, stderr);
  line_is_open = FALSE;
}

static void
show_line (VtProgress *self, const char *line)
{
  self->shown = g_get_monotonic_time ();
  if (self->style == VT_PROGRESS_BAR) {
    fprintf (stderr, CLEAR_LINE "%s", line);
    line_is_open = TRUE;
  } else {
    fprintf (stderr, "%s\n", line);
  }
  fflush (stderr);
}

/* What is shown when SELF has something new; NULL: nothing now. */
static VtProgress *
choose (VtProgress *self)
{
  VtProgress *chosen = self->style == VT_PROGRESS_BAR ? g_queue_peek_head (&all) : self;

  return self->style != VT_PROGRESS_NONE && chosen->job != NULL ? chosen : NULL;
}

static void
show (VtProgress *self)
{
  g_autofree char *line = make_line (self);

  show_line (self, line);
}

static gboolean
is_due (const VtProgress *self)
{
  gint64 interval = self->style == VT_PROGRESS_BAR ? BAR_INTERVAL : PLAIN_INTERVAL;

  return g_get_monotonic_time () - self->shown >= interval;
}

static void
on_progress (VtScanJob *job, VtProgress *self)
{
  VtProgress *chosen = choose (self);

  if (self->read_start == 0)
    self->read_start = g_get_monotonic_time ();
  if (chosen != NULL && is_due (chosen))
    show (chosen);
}

static void
on_phase (VtScanJob *job, const char *phase, VtProgress *self)
{
  VtProgress *chosen = choose (self);

  if (chosen != NULL)
    show (chosen);
}

void
vt_progress_say (const char *label, const char *text)
{
  g_autofree char *safe_label = vt_report_escape (label);
  /* QEMU and the guest may have had a hand in it. */
  g_autofree char *safe_text = vt_report_escape (text);

  close_line ();
  fprintf (stderr, "vtemplater: %s: %s\n", safe_label, safe_text);
}

static void
on_message (VtScanJob *job, guint level, const char *text, VtProgress *self)
{
  if (level > G_LOG_LEVEL_WARNING ? self->verbose : !self->quiet)
    vt_progress_say (self->label, text);
}

void
vt_progress_show_unpacking (VtProgress *self, guint64 packed, guint64 total, guint64 unpacked)
{
  g_autofree char *line = NULL;
  g_autofree char *of = vt_report_format_size (total);
  g_autofree char *size = vt_report_format_size (unpacked);
  g_autofree char *label = vt_report_escape (self->label);
  guint percent = total > 0 ? (guint)((double)packed * 100 / (double)total) : 0;

  if (self->style == VT_PROGRESS_NONE || !is_due (self) ||
      (self->style == VT_PROGRESS_BAR && g_queue_peek_head (&all) != self))
    return;
  line = g_strdup_printf ("%s: unpacking, %u %% of %s, %s unpacked", label, percent, of, size);
  show_line (self, line);
}

VtProgress *
vt_progress_new_without_job (VtProgressStyle style, const char *label)
{
  VtProgress *self = g_new0 (VtProgress, 1);

  self->style = style;
  self->label = g_strdup (label);
  g_queue_push_tail (&all, self);
  return self;
}

VtProgress *
vt_progress_new (
    VtScanJob *job, VtProgressStyle style, gboolean quiet, gboolean verbose, const char *label)
{
  VtProgress *self = vt_progress_new_without_job (style, label);

  self->job = g_object_ref (job);
  self->quiet = quiet;
  self->verbose = verbose;
  g_signal_connect (job, "phase", G_CALLBACK (on_phase), self);
  g_signal_connect (job, "progress", G_CALLBACK (on_progress), self);
  g_signal_connect (job, "message", G_CALLBACK (on_message), self);
  return self;
}

void
vt_progress_free (VtProgress *self)
{
  close_line ();
  g_queue_remove (&all, self);
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  g_free (self->label);
  g_free (self);
}
