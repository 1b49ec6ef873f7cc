// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The reader process of an image: opens it, walks it, and sends what it finds
 * (vt-image-protocol.h).
 */
#pragma once

#include "vt-image.h"

#define VT_REFUSED_ALL "*"

/* What a reader is started with. */
typedef struct {
  VtImageOptions *options;
  char *run_dir;      /* for sockets and temporary files */
  gboolean force_tcg; /* start the appliance without hardware virtualisation */
  guint64 underway;   /* cost of what a reader before has sent and what is not done with */
  GStrv refused;      /* pairs: a file system that must not be read directly, and why; its id may be
                         VT_REFUSED_ALL */
} VtReaderArguments;

GVariant *vt_reader_arguments_serialize (const VtReaderArguments *self);
/* Frees nothing of SELF before. */
void vt_reader_arguments_parse (VtReaderArguments *self, GVariant *value);
void vt_reader_arguments_clear (VtReaderArguments *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VtReaderArguments, vt_reader_arguments_clear)

/* A VtChildFunc: reads through libguestfs's appliance. */
int vt_image_reader_main (int socket, GVariant *arguments);
