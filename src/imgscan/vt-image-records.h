// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Operating systems and file systems as values of messages. What is parsed may come from a process
 * that parsed a hostile image; its type is all that is known of it.
 */
#pragma once

#include "vt-scan-result.h"

/* root, type, distro, product, host name, architecture, package format, package manager, major,
 * minor */
#define VT_SYSTEM_RECORD "(ssssssssii)"
/* id, type, uuid, label, size, mount point or "", product name of the claiming system or "",
 * whether that is the first system */
#define VT_FILESYSTEM_RECORD "(sssstssb)"

/* Text for people or from an image, cut to a length that fits a message, and UTF-8. */
char *vt_record_text (const char *text);

/* Floating. */
GVariant *vt_operating_system_serialize (const VtOperatingSystem *self);
VtOperatingSystem *vt_operating_system_parse (GVariant *value);

/* Floating; without the reason and its detail, which come later. */
GVariant *vt_filesystem_serialize (const VtFilesystem *self);
VtFilesystem *vt_filesystem_parse (GVariant *value);
