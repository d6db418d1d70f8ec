"""Template bundles: of the starter catalogue, changed, made up, and ones that must be refused."""

import base64
import gzip
import io
import pathlib
import struct
import tarfile
import zlib

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "templates"


def read(name):
    """The files of a template in templates/, by path."""
    root = TEMPLATES / name
    return {
        str(path.relative_to(root)): path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".terraform" not in path.parts
    }


def pack(files):
    """A gzipped tar with these files; the same files give the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), mtime=0)


def huge(files, size):
    """A small bundle with one member that unpacks to `size` zeros, a multiple of 1 MiB."""
    block = bytes(1 << 20)
    member = tarfile.TarInfo("zeros.bin")
    member.size = size
    head = io.BytesIO()
    with tarfile.open(fileobj=head, mode="w") as tar:
        for path, text in files.items():
            item = tarfile.TarInfo(path)
            item.size = len(text.encode())
            tar.addfile(item, io.BytesIO(text.encode()))
        start = head.getvalue()[: tar.offset] + member.tobuf()

    # Compressing a block once and repeating it saves the test compressing all of it.
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = deflate.compress(start) + deflate.flush(zlib.Z_FULL_FLUSH)
    middle = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)
    last = deflate.compress(bytes(1024)) + deflate.flush()
    crc, blocks = zlib.crc32(start), size // len(block)
    for _ in range(blocks):
        crc = zlib.crc32(block, crc)
    crc = zlib.crc32(bytes(1024), crc)
    length = (len(start) + size + 1024) & 0xFFFFFFFF
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + first + middle * blocks + last
            + struct.pack("<II", crc, length))


def publish(rest, template, version, bundle):
    """Starts to publish; answers the operation."""
    return rest.post(f"/v1/templates/{template}/versions:publish",
                     {"versionId": version, "bundle": base64.b64encode(bundle).decode()})


def published(rest, template, version, bundle):
    """Publishes and answers the version."""
    return rest.succeed(publish(rest, template, version, bundle))


def automatic(files):
    """The same template without review."""
    text = files["template.yaml"]
    changed = text.replace("mode: required", "mode: auto")
    assert changed != text, "template.yaml has no `mode: required`"
    return {**files, "template.yaml": changed}


# Step 0 is made at once, the others take a while, `last` is made after all of them. Each leaves a line
# in the journal, a file outside of the run, when it is really made.
SLOW_MAIN = """
resource "terraform_data" "step" {
  count = var.steps
  input = "${var.note} ${count.index}"

  provisioner "local-exec" {
    command = "sleep ${count.index == 0 ? 0 : var.seconds} && echo ${count.index} >> '${var.journal}'"
  }
  provisioner "local-exec" {
    when    = destroy
    command = "sleep 1"
  }
}

resource "terraform_data" "last" {
  depends_on = [terraform_data.step]

  provisioner "local-exec" {
    command = "echo last >> '${var.journal}'"
  }
}
"""
SLOW_VARIABLES = """
variable "steps" {
  type    = number
  default = 2
}
variable "seconds" {
  type    = number
  default = 2
}
variable "note" {
  type    = string
  default = "first"
}
variable "journal" {
  type = string
}
"""
SLOW_OUTPUTS = """
output "ids" {
  value = [for one in concat(terraform_data.step, [terraform_data.last]) : one.id]
}
output "notes" {
  value = terraform_data.step[*].output
}
"""
SLOW_YAML = """
title: Slow
description: Resources that take a while to make.
meters:
  - {metric: resources, resource_type: terraform_data}
approval: {mode: %s}
lease: {default: 24h, maximum: 168h}
"""


def slow(approval="auto"):
    """A template whose resources take a while."""
    return {"main.tf": SLOW_MAIN, "variables.tf": SLOW_VARIABLES, "outputs.tf": SLOW_OUTPUTS,
            "template.yaml": SLOW_YAML % approval}


# As many resources as asked for, at once and without a provider.
COUNTED_MAIN = """
resource "terraform_data" "one" {
  count = var.amount
  input = "${var.note} ${count.index}"
}
"""
COUNTED_VARIABLES = """
variable "amount" {
  type    = number
  default = 1
}
variable "note" {
  type    = string
  default = "first"
}
"""
COUNTED_OUTPUTS = """
output "ids" {
  value = terraform_data.one[*].id
}
output "notes" {
  value = terraform_data.one[*].output
}
"""
COUNTED_YAML = """
title: Counted
description: As many resources as asked for.
parameters:
  amount: {minimum: 0, maximum: 20}
meters:
  - {metric: resources, resource_type: terraform_data}
approval: {mode: %s}
lease: {default: 24h, maximum: 168h}
"""


def counted(approval="auto"):
    """A template with as many resources as asked for."""
    return {"main.tf": COUNTED_MAIN, "variables.tf": COUNTED_VARIABLES,
            "outputs.tf": COUNTED_OUTPUTS, "template.yaml": COUNTED_YAML % approval}
