// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Images with damage at random places, the same ones each time, and what becomes of them.
 */
#pragma once

#include "fs-fixture.h"

#define FS_DAMAGE_MAX 8 /* bytes */

typedef struct {
  FsFixture *fixture;
  gsize near_start; /* bytes in which most of what matters is */
  guint8 *image;    /* as it was */
  gsize size;
  int file;
  VtDisk *disk;
  FsResult *whole;
  guint equal;
  guint refused;
  guint other_bytes;
} FsTrial;

/* The image of FIXTURE, which must be a good one. */
void fs_trial_start (FsTrial *self, FsFixture *fixture, gsize near_start);
/* Says how it went. */
void fs_trial_end (FsTrial *self);

/* Where there is something other than zeros; two of three near the start. */
gsize fs_trial_pick (FsTrial *self, GRand *rand);
/* Overwrites N bytes of the image, and puts them back. */
void fs_trial_damage (FsTrial *self, gsize place, const guint8 *damage, gsize n);
void fs_trial_mend (FsTrial *self, gsize place, gsize n);
/* What the image is now. Not more is read of a file whose size was made enormous. Counts what was
 * refused, and what was not. */
FsResult *fs_trial_read (FsTrial *self);
/* It is as before, but in bytes of files that are among DAMAGE. */
void fs_trial_compare (FsTrial *self, FsResult *result, const guint8 *damage, gsize n);
