// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Scans one content with a loaded engine, in the process that calls, and says what is to be made of
 * the engine's answer.
 */
#pragma once

#include <clamav.h>

#include "vt-engine-layers.h"
#include "vt-engine-options.h"
#include "vt-verdict.h"

/* Sets the callbacks that a scan's verdict rests on; before cl_engine_compile(). */
void vt_engine_scan_set_callbacks (struct cl_engine *engine);
/* The library has one such callback for the process. Messages outside of a scan are dropped. */
void vt_engine_scan_set_message_callback (void);

/*
 * Scans the SIZE bytes of FD, a regular file or memfd that must not shrink meanwhile: it is mapped.
 * ENGINE is one of vt_engine_load() with these OPTIONS and a temporary directory (CL_ENGINE_TMPDIR)
 * of its own. What is KNOWN from earlier contents is not scanned again, and what is in this one is
 * added if it is clean; NULL: everything is scanned. May take twice the longest scan time: a
 * content with a limit reached, or something encrypted, is looked at again for what that may have
 * hidden.
 */
VtVerdict vt_engine_scan_fd (struct cl_engine *engine,
                             const VtEngineOptions *options,
                             VtEngineLayers *known,
                             int fd,
                             guint64 size);
