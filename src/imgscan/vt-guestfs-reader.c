// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#include "vt-guestfs-reader.h"

#include <string.h>

#include "vt-guestfs-list.h"
#include "vt-guestfs-tar.h"

typedef struct {
  VtAppliance *appliance;
  const VtReadPlan *plan;
  const char *run_dir;
  VtFileList *list;
  VtReadOutcome *outcome;
} Reading;

static gboolean
expect_files (const Reading *self, GError **error)
{
  const VtFileTotals totals = vt_file_list_get_totals (self->list);

  return vt_image_sink_expect (self->plan->sink, totals.names, totals.bytes, totals.excluded,
                               error);
}

/* Lists the next batch. FALSE: what can be read of this file system has been. */
static gboolean
list_batch (Reading *self)
{
  g_autofree char *messages = NULL;
  g_autofree char *detail = NULL;
  g_autoptr (GError) error = NULL;

  if (!vt_guestfs_list (self->appliance, self->plan, self->list, &messages, &error)) {
    vt_read_outcome_set (self->outcome, VT_REASON_READ_ERROR, error->message);
    return FALSE;
  }
  if (messages != NULL)
    detail = g_strdup_printf ("not listed whole: %.*s", (int)strcspn (messages, "\n"), messages);
  if (detail != NULL)
    vt_read_outcome_set (self->outcome, VT_REASON_READ_ERROR, detail);
  return TRUE;
}

static gboolean
send_batch (Reading *self, GError **error)
{
  if (self->plan->options->mode == VT_IMAGE_LIST)
    return vt_read_plan_send_list (self->plan, self->list, error);
  return vt_guestfs_read_files (self->appliance, self->plan, self->list, self->run_dir,
                                self->outcome, error);
}

static gboolean
read_batches (Reading *self, GError **error)
{
  gboolean expected = FALSE;

  do {
    gboolean listed = list_batch (self);

    if (!expected && !expect_files (self, error))
      return FALSE;
    expected = TRUE;
    if (!listed)
      return TRUE;
    if (!send_batch (self, error))
      return FALSE;
  } while (vt_file_list_has_more (self->list));
  return TRUE;
}

gboolean
vt_guestfs_read_filesystem (VtAppliance *appliance,
                            const VtReadPlan *plan,
                            const char *run_dir,
                            VtReadOutcome *outcome,
                            GError **error)
{
  g_autoptr (VtFileList) list = vt_file_list_new (0);
  g_autoptr (GError) mount_error = NULL;
  Reading self = {appliance, plan, run_dir, list, outcome};
  gboolean read;

  if (!vt_guestfs_mount (appliance->g, plan->filesystem, &mount_error)) {
    vt_read_outcome_set (outcome, VT_REASON_READ_ERROR, mount_error->message);
    return vt_image_sink_expect (plan->sink, 0, 0, 0, error);
  }
  read = read_batches (&self, error);
  guestfs_umount_all (appliance->g);
  return read;
}
