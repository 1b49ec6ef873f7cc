// SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
/*
 * How an input of fuzz-receive holds what a reader sends: for each message its length (2 bytes,
 * little-endian), what goes along with it (1 byte), and its bytes.
 */
#pragma once

/* What goes along. */
#define FUZZ_NOTHING  0
#define FUZZ_CONTENT  1 /* a sealed memfd that holds FUZZ_TEXT */
#define FUZZ_UNSEALED 2 /* the same, not sealed */
#define FUZZ_MANY     3 /* as many as a message may have */
#define FUZZ_KINDS    4

#define FUZZ_TEXT "content"
