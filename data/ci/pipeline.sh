#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# The steps of a pipeline for golden images; the jobs beside this file call it. docs/ci.md tells how
# they belong together. Every step exits as vtemplater did, and whatever goes wrong on the way is
# status 2: nothing is in the directory of artefacts then that was not there before.
set -u

usage() {
  cat <<'USAGE'
Usage: pipeline.sh STEP IMAGE [OPTION...]

Steps:
  scan           scan IMAGE in full, and sign nothing
  scan-and-seed  scan IMAGE in full, and make a signed template of it in the directory of artefacts
  verify         check the template IMAGE, and the attestation beside it if there is one
  refresh        verify the template IMAGE, scan it again, and sign a new attestation
  scan-clone     scan IMAGE, a clone or a snapshot of one, with what its template says

OPTIONs go to vtemplater as they are: those that say how IMAGE is read, such as --allow-backing and
--key, which all its verbs have.

Environment:
  VTEMPLATER_KEY             scan-and-seed, refresh: the key to sign with, a PEM file or a URI
  VTEMPLATER_KEY_PEM         the key itself, in place of that: text in PEM, encrypted
  VTEMPLATER_PASSPHRASE      the key's passphrase, or the token's PIN
  VTEMPLATER_PROVIDERS       OpenSSL's providers for a URI, with blanks between
  VTEMPLATER_PUBKEY          file of the public key; all but scan need it
  VTEMPLATER_TEMPLATE        scan-clone: the template's image, or its attestation
  VTEMPLATER_EXPIRES         scan-and-seed, refresh: days after which the statement is not valid
  VTEMPLATER_MAX_VERDICT_AGE verify, scan-clone: days that a template's signatures may be old
  VTEMPLATER_AGENT           scan-and-seed: directory to install in the guest
  VTEMPLATER_FORMATS         reports: text, json, sarif, junit (default: junit json)
  VTEMPLATER_REPORTS         directory of the reports (default: reports)
  VTEMPLATER_ARTIFACTS       directory of what is to be published (default: artifacts)
  VTEMPLATER_SCAN_OPTIONS    options for scans, such as limits, with blanks between
  VTEMPLATER_STORE           the verdict store, or none (default: .vtemplater/verdicts.db)
  VTEMPLATER_DATABASE        directory of the signatures (default: the system's)
  VTEMPLATER                 the program (default: vtemplater)

Exit status: 0 clean, 1 something infected, 2 failed, 3 something not scanned whole, or verify:
changed since it was signed.
USAGE
}

note() {
  echo "pipeline: $*" >&2
}

die() {
  note "$*"
  exit 2
}

# What a step makes is made in the first of these, and moved when all is well; the other one is for a
# key, which has no business among artefacts. Nothing else is removed at the end.
scratch=
secrets=
trap 'rm -rf ${scratch:+"$scratch"} ${secrets:+"$secrets"}' EXIT
trap 'exit 2' HUP INT TERM

make_scratch() {
  mkdir -p "$artifacts" || die "$artifacts: the directory cannot be made"
  scratch=$(mktemp -d "$artifacts/.pending-XXXXXX") || die "$artifacts: cannot be written to"
}

# Of two exit statuses, the one that counts: 1 before 2 before 3 before 0. Any other is a failure.
worse() {
  for status in 1 2 3 0; do
    if [ "$1" -eq "$status" ] || [ "$2" -eq "$status" ]; then
      echo "$status"
      return
    fi
  done
  echo 2
}

# Runs vtemplater. A signal, or a program that is not there, is a failure as any.
run() {
  "$vtemplater" "$@"
  run_status=$?
  case $run_status in
    0 | 1 | 2 | 3) return "$run_status" ;;
    *)
      note "$vtemplater $1: exit status $run_status"
      return 2
      ;;
  esac
}

# The secret is for the verbs that sign; no other process needs to have it.
run_signing() {
  [ -n "$passphrase" ] || {
    run "$@" </dev/null
    return
  }
  (
    # shellcheck disable=SC2030,SC2031
    export VTEMPLATER_PASSPHRASE="$passphrase"
    run "$@" --passphrase-env VTEMPLATER_PASSPHRASE
  )
}

need_pubkey() {
  [ -n "$pubkey" ] || die "VTEMPLATER_PUBKEY is needed: the file of the public key"
  [ -f "$pubkey" ] || die "VTEMPLATER_PUBKEY: $pubkey: no such file"
}

# A key that came as text becomes a file for as long as the step takes.
need_key() {
  if [ -n "$key_pem" ]; then
    [ -z "$key" ] || die "VTEMPLATER_KEY and VTEMPLATER_KEY_PEM: one is enough"
    case $key_pem in
      *'BEGIN ENCRYPTED PRIVATE KEY'*) ;;
      *) die "VTEMPLATER_KEY_PEM: this is not an encrypted private key in PEM" ;;
    esac
    secrets=$(mktemp -d) || die "there is no directory for temporary files"
    key=$secrets/signing.key
    (umask 077 && printf '%s\n' "$key_pem" >"$key") || die "$key: cannot be written"
  fi
  [ -n "$key" ] || die "VTEMPLATER_KEY or VTEMPLATER_KEY_PEM is needed: the key to sign with"
}

# CI servers unpack their caches with whatever permissions, and vtemplater believes no store that
# others can write to. Where nothing can be done about it, vtemplater says so and refuses.
prepare_store() {
  [ "$store" != none ] || return 0
  directory=$(dirname "$store")
  (umask 077 && mkdir -p "$directory") || die "$directory: the directory cannot be made"
  for file in "$directory" "$store"; do
    [ ! -e "$file" ] || chmod go-w "$file" 2>/dev/null || true
  done
}

# The reports of an earlier run must not be taken for those of this one.
forget_reports() {
  mkdir -p "$reports" || die "$reports: the directory cannot be made"
  for report in "$reports"/verify.json "$reports"/verify-attestation.json "$@"; do
    rm -f "$report" || die "$report: cannot be removed"
  done
}

# Scans once for each format of report; all but the first find the verdicts in the store.
scan() {
  [ -z "$database" ] || set -- --database "$database" "$@"
  result=
  for format in $formats; do
    case $format in
      junit) report=$reports/scan.junit.xml ;;
      *) report=$reports/scan.$format ;;
    esac
    # shellcheck disable=SC2086
    run scan --progress plain --store "$store" --format "$format" --output "$report" \
      $scan_options "$@" "$image"
    result=$(worse "$?" "${result:-0}")
  done
  [ -n "$result" ] || die "VTEMPLATER_FORMATS: no format is there, so nothing was scanned"
  return "$result"
}

# verify_one REPORT OPTION... IMAGE
verify_one() {
  report=$1
  shift
  run verify --pubkey "$pubkey" --deep --format json --output "$reports/$report" "$@"
}

# sign VERB NAME OPTION...: seeds or refreshes the image, into the scratch directory.
sign() {
  verb=$1
  name=$2
  shift 2
  [ -z "$database" ] || set -- --database "$database" "$@"
  [ -z "$expires" ] || set -- --expires "$expires" "$@"
  for provider in $providers; do
    set -- "$@" --provider "$provider"
  done
  # shellcheck disable=SC2086
  run_signing "$verb" --progress plain --store "$store" --sign-key "$key" --format json \
    --report "$reports/$verb.json" --attestation "$scratch/$name.dsse.json" \
    $scan_options "$@" "$image"
}

# Moves what is done into the directory of artefacts: the statement last, without which a new cache
# is not trusted.
publish() {
  for file in "$@"; do
    mv -f "$scratch/$file" "$artifacts/$file" || die "$artifacts/$file: cannot be written"
  done
}

seed() {
  [ -z "$agent" ] || set -- --agent "$agent" "$@"
  sign seed "$name" --output "$scratch/$name" "$@"
}

scan_and_seed() {
  need_pubkey
  name=$(basename "$image")
  for file in "$name" "$name.clean.db" "$name.dsse.json"; do
    [ ! -e "$artifacts/$file" ] || die "$artifacts/$file: is there already, of an earlier run"
  done
  make_scratch
  need_key
  # Before anything is changed: reports, and a refusal, come soonest so.
  scan "$@" || return
  seed "$@" || return
  # Whatever IMAGE is, what seed makes of it is qcow2.
  verify_one verify.json "$@" --image-format qcow2 "$scratch/$name" || return
  publish "$name" "$name.clean.db" "$name.dsse.json"
}

verify() {
  need_pubkey
  [ -z "$max_age" ] || set -- --max-verdict-age "$max_age" "$@"
  verify_one verify.json "$@" "$image"
  result=$?
  if [ -e "$image.dsse.json" ]; then
    verify_one verify-attestation.json --attestation "$image.dsse.json" "$@" "$image"
    result=$(worse "$?" "$result")
  fi
  return "$result"
}

# What is signed again must be what was signed before. The newest statement counts: the one in the
# image may have expired since.
refresh() {
  need_pubkey
  name=$(basename "$image")
  make_scratch
  need_key
  if [ -e "$image.dsse.json" ]; then
    verify_one verify.json --attestation "$image.dsse.json" "$@" "$image" || return
  else
    verify_one verify.json "$@" "$image" || return
  fi
  scan "$@" || return
  sign refresh "$name" "$@" || return
  publish "$name.clean.db" "$name.dsse.json"
}

scan_clone() {
  need_pubkey
  [ -n "$template" ] || die "VTEMPLATER_TEMPLATE is needed: the template's image or attestation"
  [ -e "$template" ] || die "VTEMPLATER_TEMPLATE: $template: no such file"
  [ -z "$max_age" ] || set -- --max-verdict-age "$max_age" "$@"
  scan --template "$template" --pubkey "$pubkey" "$@"
}

vtemplater=${VTEMPLATER:-vtemplater}
key=${VTEMPLATER_KEY:-}
key_pem=${VTEMPLATER_KEY_PEM:-}
# shellcheck disable=SC2031
passphrase=${VTEMPLATER_PASSPHRASE:-}
unset VTEMPLATER_KEY_PEM VTEMPLATER_PASSPHRASE
providers=${VTEMPLATER_PROVIDERS:-}
pubkey=${VTEMPLATER_PUBKEY:-}
template=${VTEMPLATER_TEMPLATE:-}
expires=${VTEMPLATER_EXPIRES:-}
max_age=${VTEMPLATER_MAX_VERDICT_AGE:-}
agent=${VTEMPLATER_AGENT:-}
formats=${VTEMPLATER_FORMATS:-junit json}
reports=${VTEMPLATER_REPORTS:-reports}
artifacts=${VTEMPLATER_ARTIFACTS:-artifacts}
store=${VTEMPLATER_STORE:-.vtemplater/verdicts.db}
database=${VTEMPLATER_DATABASE:-}
scan_options=${VTEMPLATER_SCAN_OPTIONS:-}
step=${1:-}

case $step in
  -h | --help)
    usage
    exit 0
    ;;
  scan | scan-and-seed | verify | refresh | scan-clone) ;;
  *)
    usage >&2
    exit 2
    ;;
esac
[ $# -ge 2 ] || die "$step: the image is missing"
image=$2
shift 2
case $image in
  -*) die "$image: the image comes first, then options" ;;
esac
[ -e "$image" ] || die "$image: no such file"

if [ "$step" = verify ]; then
  forget_reports
else
  forget_reports "$reports"/scan.* "$reports"/seed.json "$reports"/refresh.json
  prepare_store
fi
# Options come with blanks between, and patterns in them are for vtemplater.
set -f
case $step in
  scan) scan "$@" ;;
  scan-and-seed) scan_and_seed "$@" ;;
  verify) verify "$@" ;;
  refresh) refresh "$@" ;;
  scan-clone) scan_clone "$@" ;;
esac
result=$?
[ "$result" -eq 0 ] || note "$step $image: exit status $result"
exit "$result"
