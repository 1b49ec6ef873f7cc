# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
# bash completion for vtemplater; tests/cli/docs.sh holds its options against --help.
# shellcheck shell=bash

_vtemplater_words () {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

_vtemplater_files () {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_vtemplater_directories () {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -d -- "$1")
}

_vtemplater_formats () {
  case $1 in
    scan | seed | refresh) echo text json sarif junit ;;
    *) echo text json ;;
  esac
}

# The value of an option; fails if the option takes none, or one that cannot be guessed.
_vtemplater_value () {
  case $1 in
    --database | --agent | --quarantine) _vtemplater_directories "$2" ;;
    --store | --output | --manifest | --password-file | --passphrase-file | --out | --allow-backing | --template | --pubkey | --sign-key | --attestation | --report | --from)
      _vtemplater_files "$2"
      ;;
    --format) _vtemplater_words "$(_vtemplater_formats "$3")" "$2" ;;
    --output-format) _vtemplater_words "qcow2 raw vmdk vhdx vdi vpc" "$2" ;;
    --action) _vtemplater_words "quarantine remove" "$2" ;;
    --backend) _vtemplater_words "auto direct guestfs" "$2" ;;
    --passphrase-env) mapfile -t COMPREPLY < <(compgen -e -- "$2") ;;
    --progress) _vtemplater_words "auto none plain" "$2" ;;
    --snapshot | --key | --launch-timeout | --stall-timeout | --jobs | -j | --include | --exclude | --password | --nested | --provider | --restore | --expires | --image-format | --max-*) ;;
    *) return 1 ;;
  esac
}

_vtemplater_options () {
  local image="--image-format --allow-backing --key --backend --launch-timeout --stall-timeout --quiet
    --verbose --help"
  local reading="--no-unwrap --max-unpacked-image --snapshot --format --output"
  local engine="--database --store --jobs --max-file-size --max-scan-size --max-scan-time
    --max-recursion --max-files --max-unpacked-size --max-spool-size --max-ratio --max-unpack-time
    --nested --password --password-file --progress --allow-incomplete"
  local signing="--sign-key --provider --passphrase-file --passphrase-env"
  local made="--output --output-format --attestation --expires --format --report"

  case $1 in
    scan)
      echo "$image $reading $engine --manifest --include --exclude --template --attestation --pubkey
        --max-verdict-age"
      ;;
    inspect) echo "$image $reading --pubkey" ;;
    clean)
      echo "--image-format --allow-backing --key --backend --launch-timeout --stall-timeout --quiet
        --verbose --help $engine --template --attestation --pubkey --from --action --quarantine
        --restore --containers --dry-run --output --output-format --format --report"
      ;;
    seed) echo "$image $engine $signing $made --agent" ;;
    refresh) echo "$image $engine $signing $made --in-place" ;;
    verify) echo "$image --pubkey --max-verdict-age --attestation --deep --format --output" ;;
    keygen) echo "--out --passphrase-file --passphrase-env --no-passphrase --help" ;;
    db) echo "--database --help" ;;
    cache) echo "--store --max-age --max-count --format --help" ;;
  esac
}

_vtemplater () {
  local word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD - 1]}
  local verb=${COMP_WORDS[1]}

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    _vtemplater_words "scan clean seed refresh verify inspect keygen db cache help --help --version" "$word"
    return
  fi
  # "--option=value" comes as three words.
  if [ "$word" = "=" ]; then
    word=
  elif [ "$before" = "=" ] && [ "$COMP_CWORD" -gt 2 ]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if _vtemplater_value "$before" "$word" "$verb"; then
    return
  fi
  case $verb:$word in
    *:-*) _vtemplater_words "$(_vtemplater_options "$verb")" "$word" ;;
    keygen:*) ;;
    db:*) _vtemplater_words "status update" "$word" ;;
    cache:*) _vtemplater_words "stats prune clear" "$word" ;;
    *) _vtemplater_files "$word" ;;
  esac
}

complete -F _vtemplater vtemplater
