#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# For Packer's post-processor shell-local, as vtemplater.pkr.hcl has it: makes a signed template of
# the image that Packer has built, and verifies it. Exits as pipeline.sh does, which lies beside it;
# Packer itself knows failed and not failed, and shows the status in its log.
# Usage: packer-post-processor.sh IMAGE [OPTION...]
set -u

[ $# -ge 1 ] || {
  echo "usage: packer-post-processor.sh IMAGE [OPTION...]" >&2
  exit 2
}
pipeline=$(dirname "$0")/pipeline.sh

sh "$pipeline" scan-and-seed "$@" || exit
artifact=${VTEMPLATER_ARTIFACTS:-artifacts}/$(basename "$1")
shift
exec sh "$pipeline" verify "$artifact"
