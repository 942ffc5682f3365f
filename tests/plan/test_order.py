"""The order of the calls: no field of the state is forgotten in it."""

from __future__ import annotations

import pytest

from nsh.errors import Refusal
from nsh.host import Host
from nsh.plan.order import plan
from nsh.show.plans import plan_lines
from nsh.state import START, State
from tests.lines import full_state


@pytest.mark.parametrize("field", State._fields)
def test_every_field_of_the_state_changes_the_plan(field: str) -> None:
    state, host = full_state(), Host()
    shown = list(plan_lines(plan(state, ["true"], host)))
    without = state.replace(**{field: getattr(START, field)})
    if field == "flags":
        with pytest.raises(Refusal):  # without new namespaces the rest would reach the host
            plan(without, ["true"], host)
    else:
        assert list(plan_lines(plan(without, ["true"], host))) != shown
