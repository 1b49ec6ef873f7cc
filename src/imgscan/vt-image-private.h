// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* What vt-image.c and vt-image-receive.c share. */
#pragma once

#include "vt-fd.h"
#include "vt-image.h"
#include "vt-ipc.h"
#include "vt-paths.h"
#include "vt-spool-queue.h"
#include "vt-spool.h"

struct _VtImage {
  VtSpawner *spawner;
  VtImageOptions *options;
  VtScanResult *result; /* not owned */
  const VtImageEvents *events;
  gpointer user_data;
  VtRunDir *run_dir;
  VtChild child;
  GSource *messages;
  GError *start_error;

  gboolean force_tcg;
  gboolean kvm_failed; /* this run has tried it */
  gboolean launching;
  gboolean editing; /* no other reader may begin again: the overlay may have some of it */
  guint launch_limit_s;
  GSource *launch_timer;
  GSource *ticker;    /* once a second, while a reader runs */
  guint silent_ticks; /* since its last message */
  char *waiting;      /* the phase in which it is silent */

  GPtrArray *refused; /* of gchar: VtReaderArguments.refused, without the NULL */
  char *direct;       /* the file system that is read directly just now, or NULL */

  VtSpoolQueue *spools; /* in which it waits for its turn; NULL: it has none to wait for */
  VtSpool *spool;       /* that the reader writes to, or NULL */
  guint64 spool_wanted; /* bytes of the one that it waits for; 0: none */
  guint64 spool_data;   /* of which are no holes */
  guint64 spool_held;   /* bytes of those handed on and not released */

  VtImageFile *last_file; /* not handed on yet: names may follow */
  gsize last_file_names;  /* bytes of those that did */
  guint64 underway;       /* cost of the files handed on and not released */
  guint64 credit;         /* released and not told to the reader */
};

/* Emits the event, if anybody wants it. */
void vt_image_say (VtImage *self, GLogLevelFlags level, const char *text);
/* Ends the reader and emits the last event. */
void vt_image_finish (VtImage *self, const GError *error);
/* The same, unless the appliance can be given a second try without KVM. */
void vt_image_fail (VtImage *self, const GError *error);
void vt_image_enter_phase (VtImage *self, const char *phase);
/* Notes which file system is read directly from now on; "": none. */
void vt_image_set_direct (VtImage *self, const char *id);
/* Starts another reader, which does not read this file system directly. FALSE: it was told before.
 */
gboolean vt_image_refuse_direct (VtImage *self, const char *id, const char *why);

/* The reader asks for a file for a content of SIZE bytes, of which DATA are no holes. FALSE: it
 * must not, now. */
gboolean vt_image_want_spool (VtImage *self, guint64 size, guint64 data);
/* Answers it, if it waits and there is room. TRUE, always. */
gboolean vt_image_offer_spool (VtImage *self);
/* FILE's content is what the reader wrote. FALSE: it cannot be. */
gboolean vt_image_take_spool (VtImage *self, VtImageFile *file);
/* What is on disk of FILE is given back. */
void vt_image_release_spooled (VtImage *self, const VtImageFile *file);
/* What was given out is of no more use. */
void vt_image_drop_spool (VtImage *self);

/* Checks a reader's message and hands it on. FALSE: the reader was ended by it. */
gboolean vt_image_receive (VtImage *self, GVariant *message, VtIpcFds *fds);
