// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Who waits for whom, among contents that are the same.
 *
 * The engine's word may be waited for by any content, since the engine waits for nobody. A whole
 * verdict, for which a container may have to be opened, is waited for by files only, never by
 * members: two containers, each of which has the other as a member, would wait for each other for
 * ever. Across jobs that holds as well. What a verdict waits for are members of its content and
 * what serves these: the engine, unpackers, readers of disk images within the image. None of that
 * waits for a file: one that follows another has no process and no place in a queue, and only its
 * own image's reader waits until its bytes are given back. So whatever leads, in whichever job,
 * comes to its end without those that follow.
 */
#include "vt-scan-flights-private.h"

struct _VtScanFlights {
  GHashTable
      *leaders;      /* VtDigest, in the value, to VtScanContent: the first of its kind under way */
  GHashTable *asked; /* VtDigest, in the first of them, to GPtrArray of VtScanContent: those that
                        the engine was asked for */
};

VtScanFlights *
vt_scan_flights_new (void)
{
  VtScanFlights *self = g_new0 (VtScanFlights, 1);

  self->leaders = g_hash_table_new (vt_digest_hash, vt_digest_equal);
  self->asked = g_hash_table_new (vt_digest_hash, vt_digest_equal);
  return self;
}

void
vt_scan_flights_free (VtScanFlights *self)
{
  g_hash_table_unref (self->leaders);
  g_hash_table_unref (self->asked);
  g_free (self);
}

gboolean
vt_scan_flights_take_lead (VtScanFlights *self, VtScanContent *content)
{
  VtScanContent *leader = g_hash_table_lookup (self->leaders, &content->digest);

  if (leader == NULL) {
    g_hash_table_insert (self->leaders, &content->digest, content);
    return TRUE;
  }
  if (content->depth > 0)
    return TRUE;
  if (leader->followers == NULL)
    leader->followers = g_ptr_array_new ();
  g_ptr_array_add (leader->followers, content);
  return FALSE;
}

GPtrArray *
vt_scan_flights_land (VtScanFlights *self, VtScanContent *content)
{
  if (content->has_digest && g_hash_table_lookup (self->leaders, &content->digest) == content)
    g_hash_table_remove (self->leaders, &content->digest);
  return g_steal_pointer (&content->followers);
}

gboolean
vt_scan_flights_ask (VtScanFlights *self, VtScanContent *content)
{
  GPtrArray *waiting = g_hash_table_lookup (self->asked, &content->digest);
  gboolean is_first = waiting == NULL;

  if (is_first) {
    waiting = g_ptr_array_new ();
    g_hash_table_insert (self->asked, &content->digest, waiting);
  }
  g_ptr_array_add (waiting, content);
  return is_first;
}

GPtrArray *
vt_scan_flights_answer (VtScanFlights *self, VtScanContent *first)
{
  gpointer waiting = NULL;

  g_hash_table_steal_extended (self->asked, &first->digest, NULL, &waiting);
  return waiting;
}
