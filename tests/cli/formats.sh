#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# Holds sample reports and manifests against their schemas. Arguments: the two test programs that
# write samples, validate.py, the two schemas, and a directory for what npm fetched.
set -u
. "$(dirname "$0")/tap.sh"

test_report=$1
test_manifest=$2
validate=$3
report_schema=$4
manifest_schema=$5
npm_cache=$6

# The OASIS schema of SARIF 2.1.0, as published with Microsoft's matchers for Jest.
sarif_schema='@microsoft/jest-sarif@1.0.0-beta.0:package/lib/schemas/sarif-2.1.0-rtm.5.json'
sarif_schema="$sarif_schema:2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8"

# try NAME COMMAND...: like ok, but status 77 skips.
try() {
  name=$1
  shift
  result=0
  "$@" >"$tmp/log" 2>&1 || result=$?
  if [ "$result" -eq 77 ]; then
    skip "$name" "$(sed -n 's/^skipped: //p' "$tmp/log" | head -n 1)"
  else
    ok "$name" sh -c 'cat "$1"; exit "$2"' - "$tmp/log" "$result"
  fi
}

# refuses SED-SCRIPT FILE SUFFIX SCHEMA: what the script makes of the file is not valid.
refuses() {
  sed "$1" "$2" >"$tmp/bad.$3"
  validity=0
  /usr/bin/python3 "$validate" "$4" "$tmp/bad.$3" || validity=$?
  case $validity in
    0) return 1 ;;
    1) return 0 ;;
    *) return "$validity" ;;
  esac
}

ok 'sample reports' env VT_TEST_REPORT_DIR="$tmp" "$test_report"
ok 'sample manifest' env VT_TEST_REPORT_DIR="$tmp" "$test_manifest"
try 'JSON' /usr/bin/python3 "$validate" "$report_schema" "$tmp"/*.json
try 'manifest' /usr/bin/python3 "$validate" "$manifest_schema" "$tmp/manifest.jsonl"
try 'the JSON schema is tight' refuses 's/"partial"/"other"/' "$tmp/1.json" json "$report_schema"
try 'so is the one of the manifest' refuses 's/"read-error"/"bad luck"/' "$tmp/manifest.jsonl" \
  jsonl "$manifest_schema"
try 'SARIF' /usr/bin/python3 "$validate" --npm "$sarif_schema" "$npm_cache" "$tmp"/*.sarif
if command -v xmllint >/dev/null; then
  ok 'JUnit XML' xmllint --noout "$tmp"/*.xml
else
  skip 'JUnit XML' 'xmllint is not installed'
fi

tap_done
