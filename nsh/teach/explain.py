"""Explain: the topics, read from the text files in ``topics/``.

One file is one group of topics. A topic begins with ``= NAME: SUMMARY``; then lines ``also:`` (other
names, with commas), ``for:``, ``surprise:``, ``try:`` and ``man:`` begin its parts. The rest is prose,
which is filled to the width here; the lines of ``try:`` are typed at nsh as they stand. A paragraph
that begins with ``[CALL]`` tells what an errno means when that system call gives it.
"""

from __future__ import annotations

import os
import re

from nsh.errors import closest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 78
GROUPS = ("namespaces", "ideas", "calls", "errnos")
"""The files of ``topics/``, in the order in which they are listed."""

_PARTS = ("also", "for", "surprise", "try", "man")
_HEADINGS = {"for": "What it is for", "surprise": "What surprises people", "try": "Try it here"}


class Topic:
    """One topic.

    name, summary  its name and one line about it
    also           other names for it
    prose          what it is: paragraphs
    parts          the paragraphs of ``for`` and ``surprise``
    lines          the experiment: lines of nsh
    man            the manual pages
    """

    __slots__ = ("also", "lines", "man", "name", "parts", "prose", "summary")

    def __init__(self, name: str, summary: str) -> None:
        self.name = name
        self.summary = summary
        self.also: tuple[str, ...] = ()
        self.prose: list[str] = []
        self.parts: dict[str, list[str]] = {"for": [], "surprise": []}
        self.lines: list[str] = []
        self.man = ""

    def __repr__(self) -> str:
        return f"<Topic {self.name}>"


def parse(text: str) -> list[Topic]:
    """The topics in the text of one file. Raises ValueError where it does not keep to the form.

    >>> [topic] = parse("= pid: process ids\\nalso: NEWPID\\n\\nA text.\\n\\ntry:\\n    flags +pid\\n\\nman: x(7)")
    >>> topic, topic.also, topic.prose, topic.lines, topic.man
    (<Topic pid>, ('NEWPID',), ['A text.'], ['flags +pid'], 'x(7)')
    """
    topics: list[Topic] = []
    part = ""
    for block in re.split(
        r"\n(?:[ \t]*\n)*(?==\s)|\n[ \t]*\n|\n(?=(?:also|for|surprise|try|man):)", text
    ):
        block = block.strip("\n")
        if not block:
            continue
        if block.startswith("= "):
            name, _, summary = block[2:].partition(": ")
            topics.append(Topic(name, summary))
            part = ""
            continue
        topic = topics[-1]
        word, colon, rest = block.partition(":")
        if colon and word in _PARTS:
            part, block = word, rest.strip("\n")
        match part:
            case "also":
                topic.also = tuple([name.strip() for name in " ".join(block.split()).split(",")])
                part = ""
            case "man":
                topic.man = " ".join(block.split())
            case "try":
                topic.lines += [line.removeprefix("    ") for line in block.splitlines()]
            case "for" | "surprise":
                topic.parts[part].append(" ".join(block.split()))
            case _:
                topic.prose.append(" ".join(block.split()))
    return topics


_groups: dict[str, list[Topic]] = {}
_by_name: dict[str, Topic] = {}


def groups() -> dict[str, list[Topic]]:
    """The topics by group, read when first asked for."""
    if not _groups:
        place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "topics")
        for group in GROUPS:
            with open(os.path.join(place, group + ".txt"), encoding="utf-8") as file:
                _groups[group.capitalize()] = parse(file.read())
        for topics in _groups.values():
            for topic in topics:
                for name in (topic.name, *topic.also):
                    _by_name.setdefault(_key(name), topic)
    return _groups


def _key(name: str) -> str:
    """A name as it is looked up: any case, blanks as good as - and _."""
    return re.sub(r"[\s_-]+", " ", name.strip().lower()).removesuffix("()")


def topic_of(name: str) -> Topic | None:
    """The topic of that name, as people write it, or None."""
    groups()
    key = _key(name)
    found = _by_name.get(key) or _by_name.get(re.sub(r"\(\d\w*\)$", "", key))
    return found or _by_name.get(key.removesuffix(" namespace").removesuffix(" namespaces"))


def near(name: str, others: list[str]) -> str:
    """The name of a topic, or one of the others, that a mistyped name may have meant, or ""."""
    groups()
    names = {_key(known): known for known in others}
    names.update({key: topic.name for key, topic in _by_name.items()})
    return names.get(closest(_key(name), names, 0.75), "")


def topics() -> list[tuple[str, str]]:
    """Each topic's name and one line about it, in order: what lists and completion show."""
    return [(topic.name, topic.summary) for found in groups().values() for topic in found]


def text(topic: Topic) -> str:
    """The whole text of a topic, at most 80 columns wide."""
    blocks = [f"{topic.name}: {topic.summary}", *[_fill(block) for block in topic.prose]]
    for part, paragraphs in topic.parts.items():
        if paragraphs:
            blocks.append(
                f"{_HEADINGS[part]}\n" + "\n\n".join([_fill(p, "  ") for p in paragraphs])
            )
    if topic.lines:
        blocks.append(_HEADINGS["try"] + "\n" + "\n".join(["    " + line for line in topic.lines]))
    if topic.man:
        blocks.append(_fill(f"See {topic.man}."))
    return "\n\n".join(blocks)


def about(topic: Topic) -> str:
    """What a topic is, without its other parts."""
    return "\n\n".join([f"{topic.name}: {topic.summary}", *[_fill(block) for block in topic.prose]])


def named_namespace(lines: Sequence[str]) -> Topic | None:
    """The namespace that the lines of an error propose to add with `flags +NS`, as a topic."""
    found = re.search(r"^try: flags \+(\w+)", "\n".join(lines), re.MULTILINE)
    return topic_of(found[1]) if found else None


def about_errno(topic: Topic, call: str) -> str:
    """What an errno means when that call gives it: the paragraphs for the call, or else for all."""
    mine = [block for block in topic.prose if _for_call(block) == call]
    general = [block for block in topic.prose if not _for_call(block)]
    return "\n\n".join([_fill(block) for block in (*general[:1], *mine)])


def _for_call(block: str) -> str:
    found = re.match(r"\[(\w+)\]", block)
    return found[1] if found else ""


def _fill(paragraph: str, indent: str = "") -> str:
    import textwrap

    call = _for_call(paragraph)
    if call:
        rest = paragraph.partition("]")[2].strip()
        return textwrap.fill(
            f"{call}: {rest}",
            WIDTH,
            initial_indent=indent + "  ",
            subsequent_indent=indent + "    ",
        )
    return textwrap.fill(
        paragraph,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
