// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * The process that scans contents: a fork of the engine's host, in a sandbox.
 */
#pragma once

#include <clamav.h>

#include "vt-engine-options.h"

/*
 * Runs until SOCKET, whose other end the pool has, is closed; the result is the exit status. DIR is
 * an empty directory of the worker's own, for when the sandbox cannot make one
 * (VtSandboxPolicy.dir).
 */
int vt_engine_worker_run (int socket,
                          struct cl_engine *engine,
                          const VtEngineOptions *options,
                          const char *dir);
