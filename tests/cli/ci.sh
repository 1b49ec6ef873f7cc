#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# The jobs in data/ci: that they parse, and ask for nothing that there is not; and what pipeline.sh
# makes of the answers of vtemplater, with a stand-in for that. Arguments: the program, and the
# source directory. tests/e2e/pipeline.py runs them with the real program.
set -u
here=$(realpath "$(dirname "$0")")
. "$here/tap.sh"

vtemplater=$(realpath "$1")
source_dir=$(realpath "$2")
pipeline=$source_dir/data/ci/pipeline.sh
unset G_DEBUG
umask 022
mkdir "$tmp/workspace" && cd "$tmp/workspace" || exit 1

check_files() {
  /usr/bin/python3 "$here/ci-files.py" "$vtemplater" "$source_dir" "$@"
}

if /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
  for check in gitlab github jenkins packer; do
    ok "$check: every command is one that there is" check_files "$check"
  done
else
  skip 'every command is one that there is' 'python3-yaml is not installed'
fi
if [ -x /usr/bin/python3 ]; then
  ok 'docs/ci.md: every command is one that there is' check_files document
  ok 'pipeline.sh: --help tells all' check_files pipeline
fi

# The stand-in: notes down how it was called, writes what it was told to write, and exits with what
# is in the file status.VERB, or status.VERB.FORMAT.
cat >"$tmp/stub" <<'STUB'
#!/bin/sh
verb=$1
echo "$*" >>"$STUB_DIRECTORY/calls"
echo "$verb ${VTEMPLATER_PASSPHRASE-none} ${VTEMPLATER_KEY_PEM-none}" >>"$STUB_DIRECTORY/secrets"
shift
format=
output=
while [ $# -gt 0 ]; do
  case $1 in
    --format) format=$2 ;;
    --output) output=$2 ;;
    --report) echo "report of $verb" >"$2" ;;
    --sign-key) stat -c '%a' "$2" >"$STUB_DIRECTORY/key-mode"; cp "$2" "$STUB_DIRECTORY/key" ;;
    --attestation) attestation=$2 ;;
  esac
  shift
done
status=0
for file in "status.$verb" "status.$verb.$format"; do
  [ ! -e "$STUB_DIRECTORY/$file" ] || read -r status <"$STUB_DIRECTORY/$file"
done
case $verb in
  scan | verify) echo "$verb" >"$output" ;;
  seed | refresh)
    if [ "$status" -eq 0 ] || [ "$status" -gt 3 ]; then
      [ "$verb" = refresh ] || echo template >"$output"
      echo statement >"$attestation"
      echo cache >"${attestation%.dsse.json}.clean.db"
    fi
    ;;
esac
exit "$status"
STUB
chmod +x "$tmp/stub"

# From here on as on a CI server.
export VTEMPLATER="$tmp/stub" STUB_DIRECTORY="$tmp/stubs" TMPDIR="$tmp/temporary"
export VTEMPLATER_PUBKEY=public.pub VTEMPLATER_KEY=private.key VTEMPLATER_PASSPHRASE=secret
pem='-----BEGIN ENCRYPTED PRIVATE KEY-----
bGV0dGVycw==
-----END ENCRYPTED PRIVATE KEY-----'

# start [FILE=STATUS...]: an empty workspace, and how the stand-in is to exit.
start() {
  rm -rf "$tmp/workspace/"* "$tmp/workspace/".[!.]* "$STUB_DIRECTORY" "$TMPDIR"
  mkdir "$STUB_DIRECTORY" "$TMPDIR"
  touch golden.qcow2 public.pub private.key
  for pair in "$@"; do
    echo "${pair#*=}" >"$STUB_DIRECTORY/status.${pair%=*}"
  done
}

pipeline() {
  sh "$pipeline" "$@"
}

# The directory of artefacts has just these names, hidden ones counted.
artifacts_are() {
  mkdir -p artifacts
  ls -A artifacts >"$tmp/there"
  printf '%s\n' "$@" | sed '/^$/d' >"$tmp/expected"
  diff "$tmp/expected" "$tmp/there"
}

no_temporary_files() {
  [ -z "$(ls -A "$TMPDIR")" ]
}

verbs_are() {
  cut -d' ' -f1 "$STUB_DIRECTORY/calls" | tr '\n' ' ' >"$tmp/verbs"
  cat "$tmp/verbs"
  [ "$(cat "$tmp/verbs")" = "$* " ]
}

called_with() {
  cat "$STUB_DIRECTORY/calls"
  grep -q -e "^$1 .*$2" "$STUB_DIRECTORY/calls"
}

not_called_with() {
  cat "$STUB_DIRECTORY/calls"
  ! grep -q -e "^$1 .*$2" "$STUB_DIRECTORY/calls"
}

only_signers_know() {
  printf '%s\n' "$@" >"$tmp/expected"
  diff "$tmp/expected" "$STUB_DIRECTORY/secrets"
}

keep_calls() {
  cat "$STUB_DIRECTORY/calls" >>"$tmp/all-calls"
}

start
ok 'scan-and-seed' status 0 pipeline scan-and-seed golden.qcow2
ok 'it scans, seeds and verifies' verbs_are scan scan seed verify
ok 'the artefacts are there' artifacts_are golden.qcow2 golden.qcow2.clean.db \
  golden.qcow2.dsse.json
ok 'so are the reports' ls reports/scan.junit.xml reports/scan.json reports/seed.json \
  reports/verify.json
ok 'only who signs gets the passphrase' only_signers_know 'scan none none' 'scan none none' \
  'seed secret none' 'verify none none'
keep_calls
cp -r artifacts kept
ok 'a template is not replaced' status 2 pipeline scan-and-seed golden.qcow2
ok 'it is as it was' diff -r artifacts kept

# STEP VERB... : whichever fails, its status is that of the step, and there are no artefacts.
for verb in scan.junit scan.json seed verify; do
  for code in 1 2 3; do
    start "$verb=$code"
    ok "$verb exits with $code: so does scan-and-seed" status "$code" pipeline scan-and-seed \
      golden.qcow2
    ok "$verb exits with $code: no artefacts" artifacts_are ''
  done
  start "$verb=139"
  ok "$verb crashes: that is a failure" status 2 pipeline scan-and-seed golden.qcow2
  ok "$verb crashes: no artefacts" artifacts_are ''
done
start scan.junit=3 scan.json=1
ok 'infected wins over incomplete' status 1 pipeline scan-and-seed golden.qcow2
ok 'nothing is signed then' verbs_are scan scan
start scan.junit=2 scan.json=3
ok 'failed wins over incomplete' status 2 pipeline scan-and-seed golden.qcow2
start scan.junit=1 scan.json=0
ok 'a second scan takes nothing back' status 1 pipeline scan golden.qcow2
start scan=1
mkdir reports
touch reports/seed.json reports/verify.json reports/scan.sarif
ok 'an infected image beside old reports' status 1 pipeline scan-and-seed golden.qcow2
ok 'none of these is left' sh -c '! ls reports/seed.json reports/verify.json reports/scan.sarif'
ok 'the reports of the scan are' ls reports/scan.junit.xml reports/scan.json

start
ok 'a key out of the environment' env VTEMPLATER_KEY= VTEMPLATER_KEY_PEM="$pem" \
  sh "$pipeline" scan-and-seed golden.qcow2
printf '%s\n' "$pem" >"$tmp/pem"
ok 'it comes as it is' cmp "$tmp/pem" "$STUB_DIRECTORY/key"
ok 'for its owner only' grep -qx 600 "$STUB_DIRECTORY/key-mode"
ok 'it is gone afterwards' no_temporary_files
ok 'nobody else had it' only_signers_know 'scan none none' 'scan none none' 'seed secret none' \
  'verify none none'
start seed=2
ok 'also if that fails' status 2 env VTEMPLATER_KEY= VTEMPLATER_KEY_PEM="$pem" \
  sh "$pipeline" scan-and-seed golden.qcow2
ok 'the key is gone then, too' no_temporary_files
start
ok 'a key that is not encrypted' status 2 env VTEMPLATER_KEY= \
  VTEMPLATER_KEY_PEM='-----BEGIN PRIVATE KEY-----' sh "$pipeline" scan-and-seed golden.qcow2
ok 'is not used' test ! -e "$STUB_DIRECTORY/calls"
ok 'two keys' status 2 env VTEMPLATER_KEY_PEM="$pem" sh "$pipeline" scan-and-seed golden.qcow2
ok 'no key' status 2 env VTEMPLATER_KEY= sh "$pipeline" scan-and-seed golden.qcow2
ok 'no public key' status 2 env VTEMPLATER_PUBKEY= sh "$pipeline" verify golden.qcow2
ok 'no such public key' status 2 env VTEMPLATER_PUBKEY=none sh "$pipeline" verify golden.qcow2
ok 'no such image' status 2 pipeline scan none.qcow2
ok 'no image' status 2 pipeline scan
ok 'an option in its place' status 2 pipeline scan --quiet golden.qcow2
ok 'no such step' status 2 pipeline publish golden.qcow2
ok 'no format, so no scan' status 2 env VTEMPLATER_FORMATS=' ' sh "$pipeline" scan golden.qcow2
ok 'no program' status 2 env VTEMPLATER="$tmp/none" sh "$pipeline" scan golden.qcow2
ok 'nothing was called by any of them' test ! -e "$STUB_DIRECTORY/calls"

start
ok 'a token' env VTEMPLATER_KEY='private.key' VTEMPLATER_PROVIDERS='pkcs11 default' \
  VTEMPLATER_EXPIRES=30 VTEMPLATER_AGENT=agent VTEMPLATER_DATABASE=signatures \
  VTEMPLATER_SCAN_OPTIONS='--allow-incomplete --max-file-size 1G' VTEMPLATER_STORE=none \
  sh "$pipeline" scan-and-seed golden.qcow2 --key all:file:passphrase
ok 'its providers, in their order' called_with seed '--provider pkcs11 --provider default'
ok 'when it expires' called_with seed '--expires 30'
ok 'an agent' called_with seed '--agent agent'
ok 'the signatures, for each' called_with scan '--database signatures'
ok 'limits are for scans' called_with seed '--max-file-size 1G'
ok 'and not for verify' not_called_with verify '--max-file-size'
ok 'how the image is read is for all' called_with verify '--key all:file:passphrase'
ok 'no store' called_with scan '--store none'
ok 'none is made' test ! -e .vtemplater
keep_calls

start
mkdir .vtemplater
touch .vtemplater/verdicts.db
chmod 777 .vtemplater
chmod 666 .vtemplater/verdicts.db
ok 'a store out of a cache' status 0 pipeline scan golden.qcow2
ok 'is made one that only its owner writes to' sh -c \
  '[ "$(stat -c %a .vtemplater .vtemplater/verdicts.db | tr "\n" " ")" = "755 644 " ]'
start
ok 'a new store' status 0 pipeline scan golden.qcow2
ok 'is for its owner only' sh -c '[ "$(stat -c %a .vtemplater)" = 700 ]'

start
ok 'verify' status 0 pipeline verify golden.qcow2
ok 'it verifies what is in the image' verbs_are verify
ok 'in depth' called_with verify '--deep'
touch golden.qcow2.dsse.json
start_verify() {
  rm -f "$STUB_DIRECTORY/calls"
  echo "$1" >"$STUB_DIRECTORY/status.verify"
}
for code in 2 3; do
  start_verify "$code"
  ok "verify exits with $code" status "$code" pipeline verify golden.qcow2
done
ok 'what is beside it is verified, too' called_with verify '--attestation golden.qcow2.dsse.json'
start_verify 0
ok 'how old it may be' env VTEMPLATER_MAX_VERDICT_AGE=7 sh "$pipeline" verify golden.qcow2
ok 'is for vtemplater to say' called_with verify '--max-verdict-age 7'
keep_calls

start
ok 'refresh' status 0 pipeline refresh golden.qcow2
ok 'it verifies before it signs' verbs_are verify scan scan refresh
ok 'there is a new attestation' artifacts_are golden.qcow2.clean.db golden.qcow2.dsse.json
ok 'the passphrase is for signing' only_signers_know 'verify none none' 'scan none none' \
  'scan none none' 'refresh secret none'
ok 'again, over the old one' status 0 pipeline refresh golden.qcow2
keep_calls
for verb in verify scan refresh; do
  for code in 1 2 3; do
    start "$verb=$code"
    ok "$verb exits with $code: so does refresh" status "$code" pipeline refresh golden.qcow2
    ok "$verb exits with $code: nothing new" artifacts_are ''
  done
done
start verify=3
ok 'a changed template' status 3 pipeline refresh golden.qcow2
ok 'is not even scanned' verbs_are verify

start
ok 'scan-clone' env VTEMPLATER_TEMPLATE=golden.qcow2 VTEMPLATER_MAX_VERDICT_AGE=7 \
  VTEMPLATER_FORMATS='sarif' sh "$pipeline" scan-clone golden.qcow2 --allow-backing .
ok 'with the template and its key' called_with scan '--template golden.qcow2 --pubkey public.pub'
ok 'how old its verdicts may be' called_with scan '--max-verdict-age 7'
ok 'in the format that was asked for' ls reports/scan.sarif
keep_calls
ok 'no template' status 2 pipeline scan-clone golden.qcow2
ok 'no such template' status 2 env VTEMPLATER_TEMPLATE=none sh "$pipeline" scan-clone golden.qcow2
for code in 1 2 3; do
  start "scan=$code"
  ok "a clone's scan exits with $code" status "$code" env VTEMPLATER_TEMPLATE=golden.qcow2 \
    sh "$pipeline" scan-clone golden.qcow2
done
if [ -x /usr/bin/python3 ]; then
  ok 'all options that were given are ones that --help has' check_files calls "$tmp/all-calls"
fi

packer=$source_dir/data/ci/packer-post-processor.sh
start
mkdir output
touch output/golden.qcow2
ok "Packer's post-processor" status 0 sh "$packer" output/golden.qcow2
ok 'it verifies what it made' called_with verify 'artifacts/golden.qcow2'
for code in 1 2 3; do
  start "scan=$code"
  ok "the scan exits with $code: so does Packer's post-processor" status "$code" sh "$packer" \
    golden.qcow2
done
start
ok 'no image for it' status 2 sh "$packer"

tap_done
