"""Whether a binary is made for this computer, read from its first bytes."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

# ELF e_machine (System V ABI) and Mach-O cputype (mach/machine.h).
_ELF = {3: "i386", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64", 22: "s390x", 21: "ppc64le"}
_MACHO = {0x01000007: "x86_64", 0x0100000C: "arm64"}
_SAME = {"amd64": "x86_64"}


def architecture(path: Path) -> tuple[str, str]:
    """("elf" | "macho" | "", machine), e.g. ("elf", "aarch64"). A universal Mach-O file has machine "any"."""
    with path.open("rb") as file:
        head = file.read(20)
    if head[:4] == b"\x7fELF" and len(head) == 20:
        order = "<" if head[5] == 1 else ">"
        number = struct.unpack(order + "H", head[18:20])[0]
        return "elf", _ELF.get(number, f"machine {number}")
    if head[:4] == b"\xcf\xfa\xed\xfe":
        number = struct.unpack("<I", head[4:8])[0]
        return "macho", _MACHO.get(number, f"cpu {number:#x}")
    if head[:4] == b"\xca\xfe\xba\xbe":
        return "macho", "any"
    return "", ""


def wrong_architecture(path: Path) -> str:
    """A sentence when this computer cannot execute the binary; empty when it can."""
    kind, machine = architecture(path)
    here = platform.machine().lower()
    here = _SAME.get(here, here)
    wanted = "macho" if sys.platform == "darwin" else "elf"
    if kind == wanted and machine in (here, "any"):
        return ""
    what = f"a {machine} {'Mach-O' if kind == 'macho' else 'ELF'} file" if kind else "no program"
    return f"{path} is {what}, this computer needs {here}"
