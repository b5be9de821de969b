#!/usr/bin/env python3
"""Packs a folder: pack.py FOLDER ARCHIVE, a .tar.gz or .zip.

The same files make the same archive, whoever packs them and when: sorted, of nobody, from the second in SOURCE_DATE_EPOCH.
"""

import gzip
import os
import sys
import tarfile
import time
import zipfile
from pathlib import Path

folder, archive = Path(sys.argv[1]), Path(sys.argv[2])
epoch = int(os.environ["SOURCE_DATE_EPOCH"])
files = sorted(path for path in folder.rglob("*") if path.is_file())
# Written beside and renamed: no half archive is left of a full disk.
part = archive.with_name(archive.name + ".part")


def mode(path):
    with path.open("rb") as file:
        start = file.read(4)
    # ELF, Mach-O, scripts.
    return 0o755 if start in (b"\x7fELF", b"\xcf\xfa\xed\xfe") or start.startswith(b"#!") else 0o644


if archive.suffix == ".zip":
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for path in files:
            entry = zipfile.ZipInfo(str(path.relative_to(folder.parent)), time.gmtime(epoch)[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (0o100000 | mode(path)) << 16
            out.writestr(entry, path.read_bytes())
else:
    with part.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=epoch) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as out:
            for path in files:
                entry = tarfile.TarInfo(str(path.relative_to(folder.parent)))
                entry.size, entry.mtime, entry.mode = path.stat().st_size, epoch, mode(path)
                with path.open("rb") as file:
                    out.addfile(entry, file)
part.replace(archive)
