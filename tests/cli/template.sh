#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# What seed and the scan of clones refuse, and how: nothing here needs libguestfs's appliance.
# Usage: template.sh VTEMPLATER SOURCE_DIR

set -u
vtemplater=$(realpath "$1")
database=--database=$(realpath "$2")/data/demo-signatures
store=--store=none
. "$2/tests/cli/tap.sh"

PATH=$PATH:/usr/sbin:/sbin
XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
unset G_DEBUG
cd "$tmp" || exit 1

# said MESSAGE COMMAND...: status 2, and nothing is said but the message, of the program's name and
# more.
said () {
  text=$1
  shift
  status 2 "$vtemplater" "$@" >out 2>err </dev/null || { cat err; return 1; }
  echo "vtemplater: $text" >expected
  diff expected err && [ ! -s out ]
}

# refused TEXT WORD...: status 2, and TEXT is somewhere in the message.
refused () {
  text=$1
  shift
  status 2 "$vtemplater" "$@" >out 2>err </dev/null || { cat err; return 1; }
  grep -qF -e "$text" err || { cat err; return 1; }
  [ ! -s out ]
}

# helps VERB OPTION...
helps () {
  verb=$1
  shift
  "$vtemplater" "$verb" --help >help || return 1
  for option in "$@"; do
    grep -q "^ *\(-[a-z], \)\{0,1\}$option\(=\| \)" help || { echo "$option is missing"; return 1; }
  done
}

unchanged () {
  sha256sum -c --quiet sums && [ "$(find . -maxdepth 1 -newer sums -name '*.dsse.json')" = "" ]
}

mkdir tree
echo text >tree/file
truncate -s 1M junk.raw
mke2fs -qF -t ext4 -d tree image.raw 8M >/dev/null 2>&1
"$vtemplater" keygen --out pair --no-passphrase >/dev/null

ok 'scan --help' helps scan --template --pubkey --max-verdict-age
ok 'seed --help' helps seed --output --output-format --attestation --agent --expires --report \
  --sign-key --provider --passphrase-file --passphrase-env --allow-incomplete
ok 'keygen --help' helps keygen --out --no-passphrase
lists_seed () {
  "$vtemplater" --help | grep -q '^  seed  *make a template'
}

ok 'seed is listed' lists_seed

ok 'a template without a key' \
  said 'scan: --template needs --pubkey: without the key it was signed with, a template is not trusted' \
  scan --template image.raw image.raw
ok 'a private key to verify with' said 'scan: pair.key: holds a private key: name the public one' \
  scan --pubkey pair.key image.raw
ok 'no key to verify with' refused 'none.pub' scan --pubkey none.pub image.raw
ok 'what is no key' refused 'junk.raw' scan --pubkey junk.raw image.raw
ok 'a negative age' said 'scan: --max-verdict-age takes no negative number' \
  scan --max-verdict-age -1 --pubkey pair.pub image.raw
ok 'an age that is no number' refused '--max-verdict-age' \
  scan --max-verdict-age many --pubkey pair.pub image.raw

ok 'no template' said 'scan: --template none.qcow2: no such file' \
  scan "$database" "$store" --template none.qcow2 --pubkey pair.pub image.raw
ok 'an image that is no template' \
  said 'scan: --template image.raw: it holds no clean cache: /var/lib/vtemplater/template/clean.dsse.json is missing' \
  scan "$database" "$store" --template image.raw --pubkey pair.pub image.raw
ok 'a template in which nothing can be read' refused '--template junk.raw: no file system' \
  scan "$database" "$store" --template junk.raw --pubkey pair.pub image.raw
echo '{}' >golden.dsse.json
ok 'an envelope without its cache' \
  said 'scan: --template golden.dsse.json: the clean cache beside the envelope: golden.clean.db: No such file or directory' \
  scan "$database" "$store" --template golden.dsse.json --pubkey pair.pub image.raw
: >golden.clean.db
ok 'what is no envelope' \
  said "scan: --template golden.dsse.json: envelope: has no 'payload' or no 'payloadType'" \
  scan "$database" "$store" --template golden.dsse.json --pubkey pair.pub image.raw
truncate -s 2M golden.dsse.json
ok 'an envelope that is too large' refused '2097152 bytes is larger than 1048576' \
  scan "$database" "$store" --template golden.dsse.json --pubkey pair.pub image.raw

# An image that has no cache is scanned as any other, and that is told.
own () {
  status 0 "$vtemplater" scan "$database" "$store" "$@" --pubkey pair.pub image.raw >out 2>err ||
    return 1
  cat err out
  grep -q '^Clean files: 1$' out && grep -q '^Scanned: 1 files' out && ! grep -q '^Template:' out
}
ok 'a clone without a cache is scanned' own
ok 'that is told' \
  grep -qxF 'vtemplater: image.raw: scanned without a template: it holds no clean cache: /var/lib/vtemplater/template/clean.dsse.json is missing' err
ok 'unless nothing is to be' own --quiet
ok 'there is no word of it' test ! -s err

sha256sum image.raw junk.raw pair.key pair.pub >sums
ok 'no image to seed' refused 'no image was named' seed --sign-key pair.key
ok 'two images to seed' said 'seed: one image can be named' \
  seed --sign-key pair.key image.raw junk.raw
ok 'no key to sign with' refused '--sign-key' seed image.raw
ok 'a public key to sign with' refused 'pair.pub: holds a public key' \
  seed --sign-key pair.pub image.raw
ok 'a template that expires before it is made' said 'seed: --expires takes up to 36500 days, not -1' \
  seed --expires -1 --sign-key pair.key image.raw
ok 'a template that expires too late' said 'seed: --expires takes up to 36500 days, not 36501' \
  seed --expires 36501 --sign-key pair.key image.raw
ok 'a format in place' \
  said 'seed: --output-format needs --output: in its place, an image keeps its format' \
  seed --output-format raw --sign-key pair.key image.raw
ok 'an output that is there' said 'seed: --output junk.raw: is there already' \
  seed --output junk.raw --sign-key pair.key image.raw
ln -s nowhere link
ok 'an output that is a link' said 'seed: --output link: is there already' \
  seed --output link --sign-key pair.key image.raw
ok 'an unknown report' refused "not 'xml'" seed --format xml --sign-key pair.key image.raw
ok 'a report that cannot be written' refused '/proc/nothing' \
  seed "$database" "$store" --report /proc/nothing/report --sign-key pair.key image.raw
ok 'no image there' said 'seed: none.raw: No such file or directory' \
  seed "$database" "$store" --sign-key pair.key none.raw
ok 'an image without a system' \
  said 'seed: image.raw: no Linux system is in it, so there is nowhere to put the clean cache' \
  seed "$database" "$store" --sign-key pair.key image.raw
ok 'an image without anything' refused 'seed: junk.raw: no file system' \
  seed "$database" "$store" --backend direct --sign-key pair.key junk.raw
ok 'nothing has changed' unchanged

tap_done
