// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * Whether hardware virtualisation is worth a try for the appliance.
 *
 * On many CI hosts /dev/kvm opens, but a guest in it hangs. That is found out at the price of a
 * timeout, so it is remembered: for this boot of the host, and for a day at most.
 */
#pragma once

#include <glib.h>

/* FALSE when /dev/kvm is missing or may not be used, was found broken a short while ago, or the
 * user says force_tcg in $LIBGUESTFS_BACKEND_SETTINGS (guestfs(3)). */
gboolean vt_accel_kvm_is_worth_trying (void);

/* Remembers that KVM does not work here, or forgets it. What cannot be written is not remembered.
 */
void vt_accel_remember_broken (gboolean broken);

/* Seconds for which a broken KVM is remembered. */
#define VT_ACCEL_MEMORY_S (24 * 60 * 60)
