# SPDX-License-Identifier: GPL-2.0-only WITH cryptsetup-OpenSSL-exception
#
# What a Packer template needs to make a signed template of the image that it builds: the variables,
# and the post-processor in its build block. docs/ci.md of vtemplater tells more. The key's
# passphrase comes from the environment, by PKR_VAR_vtemplater_passphrase.

variable "vtemplater_ci" {
  type    = string
  default = "/usr/local/share/vtemplater/ci"
}

variable "vtemplater_key" {
  type    = string
  default = ""
}

variable "vtemplater_passphrase" {
  type      = string
  default   = ""
  sensitive = true
}

variable "image" {
  type    = string
  default = "output-golden/golden.qcow2"
}

build {
  # The source is yours: its output_directory and vm_name make up the variable "image".
  sources = ["source.qemu.golden"]

  post-processor "shell-local" {
    environment_vars = [
      "VTEMPLATER_CI=${var.vtemplater_ci}",
      "VTEMPLATER_KEY=${var.vtemplater_key}",
      "VTEMPLATER_PASSPHRASE=${var.vtemplater_passphrase}",
      "VTEMPLATER_PUBKEY=ci/templates.pub",
      "IMAGE=${var.image}",
    ]
    inline = ["sh \"$VTEMPLATER_CI/packer-post-processor.sh\" \"$IMAGE\""]
  }
}
