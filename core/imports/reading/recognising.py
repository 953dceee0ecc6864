"""Files that are something else than a table, recognised by what they hold, whatever they are called."""

import re

from core.imports.reading.archive import Archive
from core.imports.reading.lines import Unreadable
from core.imports.reading.source import Source

SAVE = "Save the list as CSV or XLSX in a spreadsheet program, and upload that file."
_OTHERS = {
    b"%PDF-": "a PDF document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"II*\x00": "an image",
    b"MM\x00*": "an image",
    b"{\\rtf": "a text document (RTF)",
    b"\x1f\x8b": "a compressed file (GZIP)",
    b"BZh": "a compressed file (BZIP2)",
    b"7z\xbc\xaf": "an archive (7-Zip)",
    b"Rar!": "an archive (RAR)",
    b"\xfd7zXZ": "a compressed file (XZ)",
    b"\x28\xb5\x2f\xfd": "a compressed file (Zstandard)",
    b"SQLite format 3": "a database (SQLite)",
    b"PAR1": "a Parquet file",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_JSON = re.compile(r"\s*(?:\[\s*)?\{\s*\"")
_MARKUP = re.compile(
    r"\s*<(?:!doctype|html|head|meta|table|body|style|div|\?xml|!--|workbook)", re.IGNORECASE
)


def is_zip(source: Source, name: str) -> bool:
    """Returns True for an archive, as XLSX is one. Raises Unreadable for other files that are no text."""
    head = source.read(0, 16)
    if head.startswith(_OLE):
        raise Unreadable(_of_the_old_office(source, name))
    for beginning, what in _OTHERS.items():
        if head.startswith(beginning):
            raise Unreadable(f"“{name}” is {what}. {SAVE}")
    return head.startswith(_ZIP)


def refuse_other_text(text: str, name: str) -> None:
    if _MARKUP.match(text):
        what = (
            "an XML file"
            if "<?xml" in text[:100] and "<html" not in text[:2000].lower()
            else "a web page (HTML)"
        )
        raise Unreadable(
            f"“{name}” is {what}, even if a spreadsheet program opens it. Open it there, save it as XLSX or "
            "CSV, and upload that file."
        )
    if _JSON.match(text):
        raise Unreadable(f"“{name}” is a JSON file. {SAVE}")


def _of_the_old_office(source: Source, name: str) -> str:
    """The names of the parts stand in UTF-16 in a directory anywhere in the file."""
    parts = _names_of_parts(source)
    if "EncryptedPackage" in parts:
        return f"“{name}” is protected by a password. Save it without the password and upload it again."
    if "Workbook" in parts or "Book" in parts:
        return (
            f"“{name}” is a workbook of an old Excel (.xls). Open it, save it as XLSX or CSV, and "
            "upload that file."
        )
    return f"“{name}” is a document of an old Office program. {SAVE}"


def _names_of_parts(source: Source) -> set[str]:
    wanted = ("EncryptedPackage", "Workbook", "Book")
    found, before = set(), b""
    for chunk in source.chunks():
        for name in wanted:
            if f"{name}\0".encode("utf-16-le") in before + chunk:
                found.add(name)
        before = chunk[-64:]
    return found


def refuse_other_archives(archive: Archive) -> None:
    """Many documents are archives. Raises Unreadable for those without a workbook as XLSX has it."""
    name = archive.name
    kind = archive.beginning("mimetype") if "mimetype" in archive else b""
    if kind.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        what = "an OpenDocument spreadsheet (.ods). Open it, save it as XLSX or CSV, and upload that file."
    elif "xl/workbook.bin" in archive:
        what = "a binary workbook (.xlsb). Open it in Excel, save it as XLSX or CSV, and upload that file."
    elif any(part.endswith(".iwa") for part in archive) or "index.zip" in archive:
        what = (
            "a document of Numbers or another Apple program. Export it as CSV or Excel, and upload that file."
        )
    elif kind.startswith(b"application/vnd.oasis") or any(
        part.startswith(("word/", "ppt/")) for part in archive
    ):
        what = f"a text document or presentation. {SAVE}"
    elif "[content_types].xml" not in archive and "xl/workbook.xml" not in archive:
        what = "an archive (ZIP). Unpack it, and upload the CSV or XLSX file in it."
    else:
        return
    raise Unreadable(f"“{name}” is {what}")
