// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/* Counts what became of a template's files in a clone. */
#pragma once

#include "vt-template.h"

typedef struct _VtTemplateTally VtTemplateTally;

/* TEMPLATE and RESULT, whose file systems are looked at, must outlive it. */
VtTemplateTally *vt_template_tally_new (const VtTemplate *template, const VtScanResult *result);
void vt_template_tally_free (VtTemplateTally *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VtTemplateTally, vt_template_tally_free)

/* Forgets all files: they come again. */
void vt_template_tally_reset (VtTemplateTally *self);
/* Notes a file of the clone; not its other names. */
void vt_template_tally_note (VtTemplateTally *self, const VtFileResult *file);
/* Tells RESULT. */
void vt_template_tally_finish (VtTemplateTally *self, VtScanResult *result);
