"""A learner in the tests of lessons."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import nsh

LESSON = """\
---
title: small
---
Welcome.

## First
Say hello.

```nsh goal
nsh> run printenv WORD
hello
```

```hint
One.
```

```hint
Two.
```

```nsh solution
env WORD=hello
run true
```

Because.

## Second
Say good bye.

```nsh setup
cd /
```

```nsh goal
nsh> run pwd
/
nsh> run printenv WORD
bye
```

```hint
Only one.
```

```nsh solution
env WORD=bye
run true
```

That was all.
"""


class Learner:
    """Types lines at nsh in the small lesson, with a progress file of its own."""

    def __init__(self, small: Path, state: Path) -> None:
        self.small = str(small)
        self.progress = state / "nsh/progress"
        self.environ = {**os.environ, "XDG_STATE_HOME": str(state)}

    def __call__(self, *lines: str, path: str = "") -> subprocess.CompletedProcess[str]:
        typed = "\n".join(lines) + "\n"
        return nsh("--lesson", path or self.small, stdin=typed, env=self.environ, merged=True)
