"""One bibliography, references.bib: what is cited is in it, by key and number alike, and all that is in it is cited."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("limits", "solvers", "src", "benchmarks", "notebooks", "tests", "docs")
PAGES = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("*.cff")] + [
    file
    for folder in FOLDERS
    for ending in ("py", "md", "ipynb")
    for file in (REPOSITORY / folder).rglob(f"*.{ending}")
    if file != Path(__file__)
]
TEXTS = {file.relative_to(REPOSITORY).as_posix(): file.read_text(encoding="utf-8") for file in PAGES}
CODE = {name: text for name, text in TEXTS.items() if name.endswith(".py") and not name.startswith("tests/")}

ENTRY = re.compile(r"^@(\w+)\{([\w-]+),\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^  (\w+) = \{(.*?)\},$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?:arXiv:|arxiv\.org/\w+/)(\d{4}\.\d{4,5})", re.IGNORECASE)
BARE = re.compile(r"(?<![\w.:/])2[0-6](?:0[1-9]|1[0-2])\.\d{5}(?!\d|\.\d)|(?<![\w.:/])1[5-9](?:0[1-9]|1[0-2])\.\d{5}(?!\d|\.\d)")
CITED = re.compile(r"\[([a-z]+\d{4}\w*)\]_")
REFERENCE = re.compile(r"^ *\.\. \[(\w+)\] (.*?)(?=\n\s*\n|\n *\.\. |\n *\"\"\")", re.MULTILINE | re.DOTALL)


def entries():
    """Key -> fields of the bibliography."""
    return {key: dict(FIELD.findall(body)) for _, key, body in ENTRY.findall((REPOSITORY / "references.bib").read_text(encoding="utf-8"))}


def wrong(source, bibliography):
    """What is wrong with the citations of a text: one line each."""
    references = dict(REFERENCE.findall(source))
    for key, text in references.items():
        if key not in bibliography:
            yield f"[{key}] is not in references.bib"
        elif (number := bibliography[key].get("eprint")) and f"arXiv:{number}" not in text:
            yield f"[{key}] is arXiv:{number} in references.bib, here it is: {text}"
    yield from (f"[{key}]_ has no line under References" for key in CITED.findall(source) if key not in references)
    known = {fields["eprint"] for fields in bibliography.values() if "eprint" in fields}
    yield from (f"arXiv:{number} is not in references.bib" for number in NUMBER.findall(source) if number not in known)
    yield from (f"{number}: write arXiv:{number}" for number in BARE.findall(source))


def test_the_bibliography_is_read():
    text = (REPOSITORY / "references.bib").read_text(encoding="utf-8")
    keys = [key for _, key, _ in ENTRY.findall(text)]
    assert len(keys) == text.count("\n@") > 40
    assert keys == sorted(set(keys)), "in the order of the alphabet, each once"
    for key, fields in entries().items():
        assert {"author", "title", "year"} <= fields.keys(), key
        assert fields.keys() & {"eprint", "journal", "booktitle", "publisher"}, f"{key}: where is it?"
    numbers = [fields["eprint"] for fields in entries().values() if "eprint" in fields]
    assert len(numbers) == len(set(numbers))


def test_the_key_tells_the_author_and_the_year():
    for key, fields in entries().items():
        name, year = re.match(r"([a-z]+)(\d{4})", key).groups()
        plain = re.sub(r"[^a-z]", "", re.sub(r"\\.", "", fields["author"].split(",")[0]).lower())
        assert (name, year) == (plain, fields["year"])
        assert "eprint" not in fields or year == "20" + fields["eprint"][:2]  # of the first version


def test_what_is_cited_is_in_the_bibliography():
    bibliography = entries()
    assert {name: found for name, text in TEXTS.items() if (found := list(wrong(text, bibliography)))} == {}


def test_all_of_the_bibliography_is_cited():
    keys = {key for text in CODE.values() for key, _ in REFERENCE.findall(text)}
    numbers = {number for text in TEXTS.values() for number in NUMBER.findall(text)}
    assert [key for key, fields in entries().items() if key not in keys and fields.get("eprint") not in numbers] == []


def test_references_are_cited_by_key():
    """No `[1]_`, and no paper under References without its key."""
    numbered = {name for name, text in CODE.items() if re.search(r"\[\d+\]_|\.\. \[\d+\]", text)}
    keyless = {name for name, text in CODE.items() if re.search(r"^ *References\n *-{10}\n(?! *\.\. \[)", text, re.MULTILINE)}
    assert numbered | keyless == set()


def test_the_check_sees():
    bibliography = {"hajjar2021": {"eprint": "2110.15596"}}

    def seen(source):
        return list(wrong(source, bibliography))

    assert seen('By [hajjar2021]_.\n\nReferences\n----------\n.. [hajjar2021] Hajjar, arXiv:2110.15596, section 2.\n"""') == []
    assert len(seen("By [hajjar2021]_.")) == 1
    assert len(seen(".. [hajjar2021] Hajjar, section 2.\n\n")) == 1
    assert len(seen(".. [hajjar2020] Hajjar.\n\n")) == 1
    assert len(seen("See https://" + "arxiv.org/abs/" + "2110.15597.")) == 1
    assert len(seen("As in 2110.15596.")) == 1
