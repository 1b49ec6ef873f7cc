#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# vtemplater keygen: what openssl(1) says of the keys it makes, and what it refuses. Argument: the
# program.
set -u
here=$(realpath "$(dirname "$0")")
. "$here/tap.sh"

vtemplater=$(realpath "$1")
unset G_DEBUG
umask 022
cd "$tmp" || exit 1

keygen() {
  "$vtemplater" keygen "$@" </dev/null
}

# refused TEXT COMMAND...: status 2, TEXT in the message, nothing on standard output.
refused() {
  text=$1
  shift
  status 2 "$@" >out 2>err || return 1
  cat err out
  grep -qF -e "$text" err && [ ! -s out ]
}

no_files() {
  for file in "$1".*; do
    [ ! -e "$file" ] || {
      echo "$file was left"
      return 1
    }
  done
}

mode_is() {
  [ "$(stat -c %a "$2")" = "$1" ]
}

# signs NAME PASSPHRASE: openssl signs with one half what it verifies with the other.
signs() {
  echo text >message
  openssl pkeyutl -sign -inkey "$1.key" -passin "pass:$2" -rawin -in message -out signature &&
    openssl pkeyutl -verify -pubin -inkey "$1.pub" -rawin -in message -sigfile signature
}

prints_names_and_id() {
  cat >expected <<TEXT
Private key: $1.key
Public key: $1.pub
Key id: $(openssl pkey -pubin -in "$1.pub" -outform DER | sha256sum | cut -d' ' -f1)
TEXT
  diff expected printed
}

is_encrypted() {
  grep -q '^-----BEGIN ENCRYPTED PRIVATE KEY-----$' "$1" &&
    openssl asn1parse -in "$1" | grep -q ':scrypt$' && ! openssl pkey -passin pass:other -in "$1" -noout
}

ok 'a pair without a passphrase' status 0 keygen --out plain --no-passphrase
keygen --out plain2 --no-passphrase >printed
ok 'its names and id are printed' prints_names_and_id plain2
ok 'openssl signs and verifies with it' signs plain ''
ok 'it is not encrypted' grep -q '^-----BEGIN PRIVATE KEY-----$' plain.key
ok 'the private key is for its owner' mode_is 600 plain.key
ok 'the public key is for all' mode_is 644 plain.pub
ok 'another pair is another' sh -c '! cmp plain.pub plain2.pub && ! cmp plain.key plain2.key'

printf 'from a file\nanother line\n' >passphrase
ok 'a passphrase from a file' status 0 keygen --out file --passphrase-file passphrase
ok 'openssl signs with it' signs file 'from a file'
ok 'the key is encrypted' is_encrypted file.key
export VT_TEST_PASSPHRASE='from the environment'
ok 'a passphrase from the environment' status 0 keygen --out env --passphrase-env VT_TEST_PASSPHRASE
ok 'openssl signs with it, too' signs env "$VT_TEST_PASSPHRASE"
ok 'this key is encrypted, too' is_encrypted env.key

ok 'nobody to ask' refused '--passphrase-file or --passphrase-env, or --no-passphrase' \
  keygen --out new
ok 'no name' refused '--out NAME' keygen --no-passphrase
ok 'a name of nothing' refused '--out NAME' keygen --no-passphrase --out dir/
ok 'an argument' refused '--out NAME' keygen --no-passphrase --out new more
ok 'two passphrases' refused 'is enough' keygen --out new --passphrase-file passphrase \
  --passphrase-env VT_TEST_PASSPHRASE
ok 'a passphrase and none' refused 'goes with none' keygen --out new --passphrase-file passphrase \
  --no-passphrase
: >empty
ok 'an empty passphrase' refused '0 bytes' keygen --out new --passphrase-file empty
ok 'no passphrase file' refused 'No such file' keygen --out new --passphrase-file none
ok 'no variable' refused "no variable 'VT_TEST_NONE'" keygen --out new --passphrase-env VT_TEST_NONE
ok 'no directory' refused 'No such file' keygen --out none/new --no-passphrase
ok 'nothing was made' no_files new

cp plain.key kept.key
ok 'a private key is not overwritten' refused 'kept.key: is there already' keygen --out kept \
  --no-passphrase
ok 'it is as it was' cmp plain.key kept.key
ok 'there is no half of another pair' test ! -e kept.pub
mv kept.key kept.pub
ok 'a public key is not overwritten' refused 'kept.pub: is there already' keygen --out kept \
  --no-passphrase
ok 'it is as it was, too' cmp plain.key kept.pub
ok 'there is no other half' test ! -e kept.key
ln -s nowhere link.key
ok 'no link is followed' refused 'link.key: is there already' keygen --out link --no-passphrase
ok 'nothing is where it leads' test ! -e nowhere

# As on a full disk: 115 bytes are enough for the public half, and not for the other.
short_of_room() {
  (trap '' XFSZ && exec prlimit --fsize=115 "$vtemplater" keygen --out new --no-passphrase)
}

ok 'the private key does not fit' refused 'new.key: cannot be written: File too large' short_of_room
ok 'nothing is left of either' no_files new

ok 'a full standard output' status 2 sh -c '"$1" keygen --out told --no-passphrase >/dev/full' - \
  "$vtemplater"
ok 'the keys are there all the same' signs told ''

if command -v /usr/bin/python3 >/dev/null; then
  terminal() {
    /usr/bin/python3 "$here/on-terminal.py" "$@"
  }
  not_shown() {
    ! grep -qF "$1" shown
  }
  terminal 'typed words/typed words' "$vtemplater" keygen --out typed >shown
  ok 'a passphrase is asked for twice' grep -q 'Verifying - Passphrase for typed.key: ' shown
  ok 'it is not shown' not_shown 'typed words'
  ok 'openssl signs with it all the same' signs typed 'typed words'
  ok 'what was typed differs' status 2 terminal 'typed words/other words' "$vtemplater" keygen \
    --out new
  ok 'an interrupt' status 2 terminal '' "$vtemplater" keygen --out new
  ok 'nothing was made of those' no_files new
else
  skip 'a passphrase is asked for' 'python3 is not installed'
fi

tap_done
