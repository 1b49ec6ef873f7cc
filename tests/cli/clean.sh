#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# vtemplater clean, as far as it goes without libguestfs's appliance: what it refuses, and what it
# leaves alone.
# Usage: clean.sh VTEMPLATER SOURCE_DIR

vtemplater=$(realpath "$1")
source_dir=$(realpath "$2")
. "$source_dir/tests/cli/tap.sh"

images=$source_dir/tests/images
schema=$source_dir/data/vtemplater-clean.schema.json
PATH=$PATH:/usr/sbin:/sbin
XDG_CACHE_HOME=$tmp/cache
export XDG_CACHE_HOME
unset G_DEBUG
umask 022
cd "$tmp" || exit 1

clean () {
  "$vtemplater" clean "$@" </dev/null
}

# refused TEXT WORD...: status 2, TEXT on standard error, nothing on standard output.
refused () {
  text=$1
  shift
  status 2 clean "$@" >out 2>err || { cat out err; return 1; }
  grep -qF -e "$text" err || { echo "not said: $text"; cat err; return 1; }
  [ ! -s out ]
}

# says STATUS TEXT WORD...: that status, and TEXT is a line of standard output; the image stays.
says () {
  expected=$1
  text=$2
  shift 2
  before=$(sha256sum <system.raw)
  status "$expected" clean "$@" >out 2>err || { cat out err; return 1; }
  cat out err
  grep -qxF -e "$text" out && [ "$before" = "$(sha256sum <system.raw)" ]
}

# Of the last run, which was told to write JSON to "report".
valid () {
  validity=0
  /usr/bin/python3 "$source_dir/tests/cli/validate.py" "$schema" report || validity=$?
  [ "$validity" -eq 0 ] || [ "$validity" -eq 77 ]
}

no_entries () {
  [ -z "$(ls "$1")" ]
}

: >image.raw
: >report.json
ok 'nowhere to keep it' refused '--quarantine DIR is needed' image.raw
ok 'an unknown action' refused "not 'burn'" --action burn image.raw
ok 'nothing to keep' refused 'keeps nothing' --action remove --quarantine q image.raw
ok 'no image' refused 'no image was named' --action remove
ok 'two images' refused 'one image' --action remove image.raw image.raw
ok 'a format that is none of it' refused "not 'sarif'" --action remove --format sarif image.raw
ok 'a format without a file' refused '--output-format needs' --action remove --output-format raw \
  image.raw
ok 'a file that is there' refused 'there already' --from report.json --action remove \
  --output report.json image.raw
ok 'an image that is not there' refused 'none.raw' --from report.json --action remove none.raw
ok 'a report that is none' refused 'report.json: JSON' --from report.json --action remove image.raw
ok 'a report that is not there' refused 'none.json' --from none.json --action remove image.raw
ok 'restoring and cleaning' refused 'goes with none of' --restore x --from report.json image.raw
ok 'a template without a scan' refused 'for a scan, and there is none' --from report.json \
  --action remove --template t.qcow2 --pubkey t.pub image.raw
ok 'a template that is not there' refused 'none.pub' --action remove --template none.qcow2 \
  --pubkey none.pub image.raw
ok 'restoring from nowhere' refused 'needs --quarantine' --restore x image.raw
ok 'no quarantine' refused '/none' --restore x --quarantine none image.raw
mkdir open closed
chmod 777 open
ok 'a quarantine for all' refused 'others may write' --from report.json --quarantine open image.raw
ok 'an id that is none' refused 'not the id of an entry' --restore ../x --quarantine closed image.raw
ok 'an id that is not there' refused 'no such file' \
  --restore 00000000-0000-4000-8000-000000000000 --quarantine closed image.raw
ok 'nothing was made of those' no_entries closed

make_image () {
  printf 'UUID=%s / ext4 defaults 0 1\n' 5eed0000-0000-4000-8000-0000000000c1 >fstab
  "$images/make-phony-linux.sh" --fstab fstab tree || return
  echo 'what the signature is of' >tree/root/bad
  ln -s /root tree/srv
  mkdir tree/opt
  ln tree/root/bad tree/opt/name-one
  (cd tree/opt && tar -cf ../root/a.tar name-one) || return
  "$images/make-image.sh" --format raw --uuid 5eed0000-0000-4000-8000-0000000000c1 --tree tree \
    --output system.raw || return
  mkdir other
  cp tree/root/bad other/
  "$images/make-image.sh" --format raw --tree other --output other.raw || return
  mkdir good signatures
  echo 'something else' >good/file
  "$images/make-image.sh" --format raw --tree good --output good.raw || return
  digest=$(sha256sum <tree/root/bad | cut -d' ' -f1)
  echo "$digest:$(stat -c %s tree/root/bad):Test.Bad" >signatures/test.hsb
}

if ! make_image >making 2>&1; then
  sed 's/^/# /' making
  skip 'what is left alone' 'images cannot be made here'
  tap_done
  exit
fi

scan_options="--database signatures --store none --progress none"
# shellcheck disable=SC2086
scan () {
  "$vtemplater" scan $scan_options "$@"
}

# finding PATH FS DIGEST MEMBERS: a report of one.
finding () {
  cat <<JSON
{"schema": 1, "tool": {"name": "vtemplater", "version": "0.1.0"}, "findings": [
  {"path": "$1", "fs": "$2", "threat": "Test.Bad", "sha256": "$3", "size": 25,
   "source": "engine", "members": [$4]}],
 "incomplete": [], "stats": {"infected": 1, "incomplete": 0}, "partial": false, "error": null}
JSON
}

# left_alone PATH FS DIGEST MEMBERS WHY [OPTION...]
left_alone () {
  finding "$1" "$2" "$3" "$4" >report.json
  line=$1
  [ -z "$4" ] || line="$1!inner"
  [ "$2" = /dev/sda1 ] || line="$2:$line"
  why=$5
  shift 5
  says 1 "$line: Test.Bad NOT CLEANED: $why" --from report.json --quarantine q "$@" system.raw &&
    no_entries q
}

other_digest=$(echo other | sha256sum | cut -d' ' -f1)
ok 'a file that changed' left_alone /root/bad /dev/sda1 "$other_digest" '' \
  'changed since the report'
ok 'a file that is gone' left_alone /root/none /dev/sda1 "$digest" '' \
  'it is not there any more, or behind a symbolic link'
ok 'a file behind a link' left_alone /srv/bad /dev/sda1 "$digest" '' \
  'it is not there any more, or behind a symbolic link'
ok 'a directory' left_alone /root /dev/sda1 "$digest" '' \
  'it is not there any more, or behind a symbolic link'
ok 'a path that leads up' left_alone /root/../root/bad /dev/sda1 "$digest" '' \
  'its path is not plain, too long, or too deep'
ok 'another file system' left_alone /root/bad /dev/sda2 "$digest" '' \
  'there is no file system /dev/sda2 in the image'
ok 'a container' left_alone /root/bad /dev/sda1 "$digest" '"inner"' \
  'it is in a container; --containers cleans the container as a whole'
tar_digest=$(sha256sum <tree/root/a.tar | cut -d' ' -f1)
ok 'a container by its content' left_alone /root/a.tar /dev/sda1 "$tar_digest" '' \
  'it is a container (tar); --containers cleans it as a whole'
ok 'a container that changed' left_alone /root/bad /dev/sda1 "$other_digest" '"inner"' \
  'changed since the report' --containers
ok 'one of two names' left_alone /root/bad /dev/sda1 "$digest" '' \
  "1 of the file's 2 names are to be cleaned: it would stay"
ok 'one of two names, without quarantine' says 1 \
  "/root/bad: Test.Bad NOT CLEANED: 1 of the file's 2 names are to be cleaned: it would stay" \
  --from report.json --action remove system.raw

finding /root/bad /dev/sda1 "$other_digest" '' | sed 's/"infected": 1/"infected": 3/' >report.json
ok 'files that are not listed' says 1 \
  'system.raw: NOT CLEANED: 2 more infected files that are not listed' \
  --from report.json --action remove system.raw
ok 'they are summed up' says 1 'system.raw: 0 of 3 infected files cleaned' --from report.json \
  --action remove system.raw
clean --from report.json --action remove --format json --report report system.raw 2>/dev/null
ok 'the JSON report follows its schema' valid
ok 'it tells them' grep -q '"unlisted": 2' report

# no_findings PARTIAL
no_findings () {
  cat >report.json <<JSON
{"schema": 1, "tool": {"name": "vtemplater", "version": "0.1.0"}, "findings": [],
 "incomplete": [], "stats": {"infected": 0, "incomplete": 0}, "partial": $1, "error": null}
JSON
}

no_findings false
ok 'a report of nothing' says 0 'system.raw: nothing infected was found' --from report.json \
  --action remove system.raw
sed 's/"infected": 0/"infected": 2/' report.json >more.json
ok 'a report that lists none' says 1 \
  'system.raw: NOT CLEANED: 2 more infected files that are not listed' \
  --from more.json --action remove system.raw
no_findings true
ok 'a report of a scan that was stopped' says 3 'system.raw: some files were not scanned whole' \
  --from report.json --action remove system.raw
ok 'that is allowed' status 0 clean --from report.json --action remove --allow-incomplete system.raw

# shellcheck disable=SC2086
ok 'nothing is found' status 0 clean $scan_options --action remove good.raw
# shellcheck disable=SC2086
ok 'a new image all the same' status 0 clean $scan_options --action remove --output new.qcow2 good.raw
ok 'it is one' qemu-img compare -q -f raw -F qcow2 good.raw new.qcow2

other_is_told () {
  # shellcheck disable=SC2086
  status 1 clean $scan_options --action remove --format json --report report other.raw || return
  cat report
  grep -qF 'no operating system is known in the image' report && ! grep -q '"changed": true' report &&
    scan other.raw | grep -q 'Test.Bad.* FOUND'
}

ok 'an image without a system' other_is_told
ok 'its JSON report follows the schema' valid
tap_done
