// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * For tests, which must not depend on what the host has.
 */
#pragma once

#include "vt-accel.h"

/* Looks at PATH, which is kept and not copied, instead of /dev/kvm; from then on, in this process.
 */
void vt_accel_set_device (const char *path);
