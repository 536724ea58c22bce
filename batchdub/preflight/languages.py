"""Which language a text of a manifest means, and which one a file's name says.

The table holds what dubs are made in, not all of ISO 639: what is not in it is never an alarm.
Country codes stand in it where people write them for the language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

_TABLE = """
    ar ara arabic | bg bul bulgarian | bn ben bengali | ca cat catalan | cs ces cze cz czech
    da dan dk danish | de deu ger german deutsch | el ell gre gr greek | en eng english
    es spa spanish castellano español | et est estonian | eu eus baq basque | fa fas per persian
    fi fin finnish | fil tl tgl filipino tagalog | fr fra fre french français | ga gle irish
    gl glg galician | gu guj gujarati | he heb iw hebrew | hi hin hindi | hr hrv croatian
    hu hun hungarian | hy hye armenian | id ind indonesian | is isl icelandic
    it ita italian italiano | ja jpn jp japanese 日本語 | ka kat georgian | kk kaz kazakh
    kn kan kannada | ko kor kr korean 한국어 | lt lit lithuanian | lv lav latvian
    ml mal malayalam | mr mar marathi | ms msa may malay
    nl nld dut dutch | no nb nn nor nob nno norwegian norsk | pa pan punjabi | pl pol polish
    pt por portuguese português | ro ron rum romanian | ru rus russian русский | sk slk slovak
    sl slv slovenian | sq sqi albanian | sr srp serbian | sv swe swedish svenska | sw swa swahili
    ta tam tamil | te tel telugu | th tha thai | tr tur turkish | uk ukr ua ukrainian
    ur urd urdu | vi vie vietnamese | yue cantonese | zh zho chi cmn cn chinese mandarin 中文
"""
_CODES = {
    name: names[0]
    for names in (line.split() for line in re.split(r"[|\n]", _TABLE) if line.strip())
    for name in names
}
# At the end of a file's name these can hardly be anything else. `it`, `id`, `no`, `vo`, `sd`,
# `fin` and the like can: a word, a quality, an abbreviation.
_SURE = frozenset(
    """bg bn cs cze ces de deu en eng es spa fr fra fre ger hu hun ja jpn ko kor nb nl nld dut pl pt
    por ru rus sk sv swe th tha tr tur uk ukr vi vie zh zho""".split()  # noqa: SIM905  a table
)
_NOISE = re.compile(
    r"v\d+|final|mix|dub|dubs|dubbed|audio|voice|stereo|mono|mixed|master|rev\d*|\d{2,3}k(?:hz)?"
    r"|51|20|copy",
    re.IGNORECASE,
)
_REGION = re.compile(r"[A-Z]{2}|419|Han[st]|br|us|gb|mx|cn|tw|hk|jp|kr")
_SPLIT = re.compile(r"[^0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Said:
    """What a link's path says of the language.

    `token` is how it is written, `language` what it means, `where` is `file name` or `folder`;
    `sure` tells that it can hardly mean anything else.
    """

    token: str
    language: str
    where: str
    sure: bool


@lru_cache(maxsize=4096)
def language_of(text: str) -> str:
    """Give the language that a column's value means; empty if that is not known.

    The region does not matter: `pt-BR` and `pt_PT` are one language here, `no` is Norwegian.
    """
    written = text.strip().lower()
    return _CODES.get(written) or _CODES.get(re.split(r"[-_]", written)[0], "")


def said_by(url: str, wanted: str) -> Said | None:
    """Find what the path of a link says of its language; the wanted one wins wherever it stands.

    Only the end of the file's name and whole folders are read: `la-casa-de-papel-01.wav` is not
    German. None if nothing is said.
    """
    folder, name = folder_and_name(url)
    stem = name.rpartition(".")[0] or name
    last = stem.rpartition("-")[2].rpartition("_")[2].rpartition(".")[2]
    if said := _said_last(last, wanted):
        return said
    tokens = [token for token in _SPLIT.split(stem) if token]
    for token in reversed(tokens):
        if language_of(token) == wanted:
            return Said(token, wanted, "file name", sure=True)
    of_folders = _said_by_folders(folder)
    for said in of_folders:
        if said.language == wanted:
            return said
    token = _last(tokens)
    if language := _CODES.get(token.lower(), ""):
        return Said(token, language, "file name", sure=token.lower() in _SURE)
    return of_folders[0] if of_folders else None


@lru_cache(maxsize=4096)
def _said_last(word: str, wanted: str) -> Said | None:
    """Give what the last word of a name says if it is the wanted language, as nearly always."""
    if not (word.isascii() and word.isalnum() and language_of(word) == wanted):
        return None
    return Said(word, wanted, "file name", sure=True)


@lru_cache(maxsize=8)  # a row's two links; the next rows have the same video
def folder_and_name(url: str) -> tuple[str, str]:
    """Split the path of a link into its folders, as they are written, and the file's name."""
    path = url.partition("?")[0].partition("#")[0].partition("://")[2].partition("/")[2]
    folder, _, name = path.rpartition("/")
    return folder, unquote(name) if "%" in name else name


@lru_cache(maxsize=1024)
def _said_by_folders(path: str) -> tuple[Said, ...]:
    """Give what whole folders say, the innermost first; many files share their folders."""
    folders = reversed(unquote(path).split("/"))
    codes = ((folder, _code_of_folder(folder)) for folder in folders)
    return tuple(Said(folder, code, "folder", sure=False) for folder, code in codes if code)


def _last(tokens: list[str]) -> str:
    """Give the last word that says something, without a version, a region and the like."""
    left = list(tokens)
    while len(left) > 1 and _NOISE.fullmatch(left[-1]):
        left.pop()
    if len(left) > 1 and left[-2].lower() in _CODES and _REGION.fullmatch(left[-1]):
        left.pop()
    return left[-1] if left else ""


def _code_of_folder(folder: str) -> str:
    head, _, region = folder.replace("_", "-").partition("-")
    if region and not _REGION.fullmatch(region):
        return ""
    return _CODES.get(head.lower(), "")
