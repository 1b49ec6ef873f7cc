// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Files that are written as text: uuencode, BinHex, and what a page has in itself. */
#pragma once

#include <glib.h>

#include "vt-verdict.h"

/* Takes what is decoded, one file after the other; NONE, or why not to go on. */
typedef struct {
  VtReason (*begin) (gpointer user_data);
  VtReason (*add) (gpointer user_data, const void *data, gsize size);
  void (*end) (gpointer user_data);
} VtEngineDecoded;

/* Hands every file to FUNCS that is written in the manner of uuencode(1) in the SIZE bytes at DATA.
 * Gives NONE, damaged where one is not whole, or what FUNCS gave. */
VtReason vt_engine_encoded_list_uu (const guint8 *data,
                                    gsize size,
                                    const VtEngineDecoded *funcs,
                                    gpointer user_data);

/* The same for BinHex 4.0: both forks of every file. */
VtReason vt_engine_encoded_list_binhex (const guint8 *data,
                                        gsize size,
                                        const VtEngineDecoded *funcs,
                                        gpointer user_data);

/* NONE; damaged if the page (HTML) in the SIZE bytes at DATA ends within a file that is written in
 * it as base64 (RFC 2397). */
VtReason vt_engine_encoded_check_page (const guint8 *data, gsize size);
