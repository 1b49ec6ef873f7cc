#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# Copies an image made by make-debian-image.sh and puts the EICAR test file, which is harmless, at
# /root/eicar.com in the copy. Usage: plant-test-file.sh IMAGE.qcow2 OUTPUT.qcow2

set -eu
. "$(dirname "$0")/functions.sh"

[ $# -eq 2 ] || image_die "usage: plant-test-file.sh IMAGE.qcow2 OUTPUT.qcow2"
scratch=$(mktemp -d "$(dirname "$2")/.plant-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# Put together here, for this repository holds no file a scanner would find.
# shellcheck disable=SC2016
printf '%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-' 'ANTIVIRUS-TEST-FILE!$H+H*' \
  >"$scratch/eicar.com"
qemu-img convert -f qcow2 -O raw "$1" "$scratch/disk"
debugfs -w -R "write $scratch/eicar.com root/eicar.com" "$scratch/disk?offset=$image_margin" \
  >"$scratch/log" 2>&1 || image_die "debugfs: $(cat "$scratch/log")"
qemu-img convert -f raw -O qcow2 "$scratch/disk" "$scratch/image"
mv "$scratch/image" "$2"
