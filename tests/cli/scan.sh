#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# What the command line refuses, and how: nothing here needs libguestfs's appliance.
# Usage: scan.sh VTEMPLATER SOURCE_DIR

vtemplater=$1
source_dir=$2
. "$source_dir/tests/cli/tap.sh"

XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
signatures=$source_dir/data/demo-signatures
image=$tmp/image.raw
truncate -s 1M "$image"

# refused TEXT WORD...: fails with status 2, says TEXT on standard error, and nothing of a result.
refused () {
  text=$1
  shift
  status 2 "$vtemplater" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || { cat "$tmp/err"; return 1; }
  grep -qF -- "$text" "$tmp/err" || { echo "not said: $text"; cat "$tmp/err"; return 1; }
  ! grep -qi "clean: *[1-9]\|: OK$" "$tmp/out"
}

prints () {
  text=$1
  shift
  status 0 "$vtemplater" "$@" >"$tmp/out" 2>&1 && grep -qF -- "$text" "$tmp/out"
}

mkdir "$tmp/empty"

ok "no verb" refused "Usage: vtemplater VERB"
ok "unknown verb" refused "there is no verb 'sacn'" sacn
ok "help" prints "scan disk images offline" --help
ok "version" prints "vtemplater 0" --version
ok "verb's help" prints "--max-file-size" scan --help
ok "no image" refused "no image was named" scan
ok "unknown option" refused "--databas" scan --databas x "$image"
ok "no signatures" refused "vtemplater db update" scan --database "$tmp/empty" "$image"
ok "no signature directory" refused "$tmp/missing" scan --database "$tmp/missing" "$image"
ok "missing image" refused "no such file" scan --database "$signatures" "$tmp/missing.qcow2"
ok "directory as image" refused "no such file" scan --database "$signatures" "$tmp"
ok "bad size" refused "'many' is not a size" scan --max-file-size many "$image"
ok "size of 0" refused "'0' is not a size" scan --max-file-size 0 "$image"
ok "size above the engine's" refused "must be" scan --max-file-size 5G "$image"
ok "negative jobs" refused "no negative number" scan --jobs -1 "$image"
ok "unknown format" refused "not 'xml'" scan --format xml "$image"
ok "unknown progress" refused "not 'loud'" scan --progress loud "$image"
ok "unknown backend" refused "not 'magic'" scan --backend magic "$image"
ok "manifest of two images" refused "--manifest describes one image" \
  scan --manifest "$tmp/m" "$image" "$image"
ok "report that cannot be written" refused "report" \
  scan --database "$signatures" --output /proc/nothing/report "$tmp/missing.qcow2"
ok "store that is none" refused "verdict store" scan --database "$signatures" --store "$image" "$image"
head -c 8M /dev/urandom >"$tmp/whole.raw"
qemu-img convert -f raw -O qcow2 "$tmp/whole.raw" "$tmp/cut.qcow2"
truncate -s 4M "$tmp/cut.qcow2"
ok "image that was cut short" refused "it is damaged or cut short" \
  scan --database "$signatures" "$tmp/cut.qcow2"
ok "inspect's format" refused "not 'sarif'" inspect --format sarif "$image"
ok "db without a word" refused "'status' or 'update'" db
ok "db status without signatures" refused "vtemplater db update" db status --database "$tmp/empty"
ok "db status" prints "engine id" db status --database "$signatures"
tap_done
