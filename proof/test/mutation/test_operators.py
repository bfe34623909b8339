"""What is changed, where, and that a change can be named, compiled and put in the place of the original."""

from __future__ import annotations

import textwrap

import pytest

from proof.mutation.judge import code_of
from proof.mutation.operators import mutants


def changes(source: str) -> set[tuple[str, str]]:
    return {(m.original, m.mutated) for m in mutants(textwrap.dedent(source), "f.py")}


@pytest.mark.parametrize(
    ("statement", "mutated"),
    [
        ("return a < b", {"return None", "return a <= b", "return a >= b"}),
        ("return a + b", {"return None", "return a - b"}),
        ("return a and b", {"return None", "return a or b", "return a", "return b"}),
        ("return not a", {"return None", "return a"}),
        ("return x[-1]", {"return None", "return x[1]", "return x[-2]", "return x[-0]"}),
        ("return x[1:]", {"return None", "return x[2:]", "return x[0:]"}),
        ("return 0.5", {"return None", "return 1.0", "return 0.0"}),
        ("return np.abs(x)", {"return None", "return x"}),
        ("return x.max()", {"return None", "return x.min()"}),
        ("return min(a, b)", {"return None", "return max(a, b)", "return a", "return b"}),
        ("return Decision.HOLD", {"return None", "return Decision.SLOW", "return Decision.STOP"}),
        ("return f(a, key=b)", {"return None", "return f(a)"}),
        ("return 'code'", {"return None", "return 'code_'"}),
        ("return 'words for people'", {"return None"}),
        ("return f'{a + 1}'", {"return None"}),
        ("self.x = a", {"pass"}),
        ("x = a", set()),
        ("x.append(a)", {"pass"}),
        ("x += 1", {"pass", "x -= 1", "x += 2", "x += 0"}),
        ("assert a < b", set()),
        ("Limit(0.5, 's', 'why')", {"pass", "Limit(1.0, 's', 'why')", "Limit(0.0, 's', 'why')"}),
    ],
)
def test_what_a_statement_becomes(statement: str, mutated: set[str]) -> None:
    assert changes(f"def f():\n    {statement}\n") == {(statement, other) for other in mutated}


def test_conditions_are_forced_both_ways_and_bodies_keep_their_place() -> None:
    found = changes("""
        def f():
            if a:
                return 1
            return None
    """)
    assert {("if a", "if True"), ("if a", "if False"), ("return 1", "pass"), ("return 1", "return 2")} <= found
    assert ("return None", "return None") not in found


def test_places_are_named_by_class_and_function_and_told_apart_by_number() -> None:
    source = textwrap.dedent("""
        LIMIT = 2

        class C:
            x = 3

            def f(self, y=4):
                self.y = y
                self.y = y

            @property
            def g(self):
                def inner():
                    return 5
                return inner()
    """)
    found = {(m.function, m.original, m.mutated, m.number): m for m in mutants(source, "f.py")}
    assert not found["", "LIMIT = 2", "LIMIT = 3", 1].live
    assert not found["", "x = 3", "x = 4", 1].live
    default = next(m for key, m in found.items() if key[0] == "C.f" and "y=5" in key[2])
    assert not default.live  # a default is made when the module is imported
    assert found["C.f", "self.y = y", "pass", 1].lines == range(8, 9)
    assert found["C.f", "self.y = y", "pass", 2].lines == range(9, 10)
    inner = found["C.g", "return 5", "return 6", 1]
    assert inner.live and inner.key == ("f.py", "C.g", "return 5", "return 6", 1)


def test_the_code_of_one_function_can_be_replaced() -> None:
    source = "class C:\n    def f(self):\n        return 1 + 2\n"
    names: dict[str, type] = {}
    exec(compile(source, "f.py", "exec"), names)
    thing = names["C"]()
    (plus,) = [m for m in mutants(source, "f.py") if m.mutated == "return 1 - 2"]
    names["C"].f.__code__ = code_of(plus.code(source, "f.py"), "C.f")  # type: ignore[attr-defined]
    assert thing.f() == -1


def test_long_statements_are_shortened_around_the_change() -> None:
    names = ", ".join(f"argument{k}" for k in range(40))
    ((before, after),) = (c for c in changes(f"def f():\n    g({names}, 7, {names})\n") if "8" in c[1].split(", "))
    assert before.startswith("…") and before.endswith("…") and len(before) < 120
    assert before.replace(" 7,", " 8,") == after


def test_every_mutant_compiles_and_differs() -> None:
    source = textwrap.dedent("""
        def f(a, b):
            for i in range(3):
                if a[i] >= b or not a:
                    continue
                a[i] *= 2.0
    """)
    found = mutants(source, "f.py")
    assert len({m.key for m in found}) == len(found) >= 15
    original = compile(source, "f.py", "exec")
    for mutant in found:
        assert code_of(mutant.code(source, "f.py"), "f") != code_of(original, "f"), mutant
