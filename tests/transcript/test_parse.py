"""What a transcript is: fences, front matter, and the errors that name a line."""

from __future__ import annotations

import pytest

from nsh.transcript.parse import Command, FormatError, parse_transcript


def one_command(text: str, path: str = "t.nsht") -> Command:
    [command] = parse_transcript(text, path).commands
    return command


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("---\nrequires: root\n", 1, "front matter is not closed"),
        ("---\nrequire: root\n---\n", 2, "'require' is none of"),
        ("---\nrequires: moon\n---\n", 2, "'moon' is none of"),
        ("---\nrequires: ns:moon\n---\n", 2, "'ns:moon' is none of"),
        ("---\ntimeout: soon\n---\n", 2, "'soon' is not like 10s"),
        ("---\nskip:\n---\n", 2, "skip has no value"),
        ("---\nskip: a\nskip: b\n---\n", 3, "twice"),
        ("x\n\n```nsh\nnsh> flags\n", 3, "is not closed"),
        ('x\n```nsh title="x"\nnsh> flags\n```\n', 2, "says nsh alone"),
        ("x\n<<<<<<< HEAD\n", 2, "merge conflict"),
        ("```nsh\nnsh> flags\n>>>>>>> x\n```\n", 3, "merge conflict"),
        ("```nsh\noutput\nnsh> flags\n```\n", 2, "before the first nsh>"),
        ("```nsh\nnsh> flags\n> +pid\n```\n", 3, "continues nothing"),
        ("```nsh\nnsh> flags\n{moon} (glob)\n```\n", 3, "there is no hole {moon}"),
        ("```nsh\nnsh> flags\n( (re)\n```\n", 3, "bad regular expression"),
        ("```nsh\nnsh> flags\n\\q (esc)\n```\n", 3, "there is no escape \\q"),
        ("```nsh\nnsh> flags\n[256]\n```\n", 3, "no exit status"),
        ("```nsh\nnsh> flags\n{int:b!=a} (glob)\n```\n", 3, "no hole before it is named a"),
        ("```nsh\nnsh> a\n{int:a} (glob)\n{pid:a} (glob)\n```\n", 4, "is taken"),
    ],
)
def test_errors_name_file_and_line(text: str, line: int, why: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse_transcript(text, "t.nsh.md")
    assert why in caught.value.why
    assert str(caught.value).startswith(f"t.nsh.md:{line}: ")


def test_what_is_outside_the_fences_is_prose() -> None:
    text = """\
---
requires: root, program:sh kernel>=5.6
timeout: 2m
---
nsh> not this

````
```nsh
nsh> nor this
```
````

~~~nsh goal
nsh> nor that
~~~

 ```nsh
 nsh> run echo \\
 > a
 ...
  b
 [4]
 ```
"""
    found = parse_transcript(text, "t.nsh.md")
    assert [word for _, word in found.requires] == ["root", "program:sh", "kernel>=5.6"]
    assert found.timeout == 120
    assert [fence.info for fence in found.fences] == ["", "nsh goal", "nsh"]
    assert found.is_lesson
    [command] = found.commands
    assert (command.text, command.line, command.status) == ("run echo \\\na", 18, 4)
    assert [(e.kind, e.text, e.line) for e in command.expects] == [
        ("any", "", 20),
        ("eq", " b", 21),
    ]


def test_a_fence_may_stand_in_a_list() -> None:
    text = """\
10. step

    ```nsh
    nsh> one
    ```

- outer
  - inner
    - deep
      ~~~nsh
      nsh> two
        ~~~x
          ~~~
      ~~~

 ```nsh
 nsh> three
 ```

    ```nsh
    nsh> this is code that is shown
    ```
"""
    found = parse_transcript(text, "t.nsh.md")
    assert [(c.text, c.line, len(c.expects)) for c in found.commands] == [
        ("one", 4, 0),
        ("two", 11, 2),
        ("three", 17, 0),
    ]


def test_the_plain_form_forgets_where_v_was_in_its_script() -> None:
    command = one_command("nsh> moon\nnsh: stdin:1: there is no command moon\n[2]\n")
    assert command.expects[0].text == "nsh: there is no command moon"
    command = one_command("nsh> moon\nnsh: stdin:1: said so (eq)\n")
    assert command.expects[0].text == "nsh: stdin:1: said so"
