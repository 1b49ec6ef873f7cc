// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Takes a file that is too large for the engine apart into windows that overlap.
 *
 * What lies in the overlap of two is whole in both, so a pattern no longer than that is whole in
 * one of them. Signatures of whole files, and those with places counted from a file's start or end,
 * cannot match in a window: a file that was looked at so is never clean.
 */
#pragma once

#include "vt-unpack.h"

/* Bytes that two windows have in common, if they are at least twice as large. Patterns of
 * signatures are kilobytes, but for those with gaps of any length. */
#define VT_UNPACK_OVERLAP ((guint64)16 * 1024 * 1024)

/* Hands FUNC the SIZE bytes of FD as members of at most LIMITS->max_member_size bytes, which are
 * named by their place; windows that are nothing but a hole are left out. As vt_unpack(). */
VtReason vt_unpack_windows (int fd,
                            guint64 size,
                            const VtUnpackLimits *limits,
                            VtUnpackFunc func,
                            gpointer user_data,
                            char **detail);
