"""Lines of a model's text."""

import pytest

from spaic.Dynamics.equations import parse_assignments, parse_equations
from spaic.Dynamics.model import Model
from spaic.errors import DeclarationError


def read(text):
    return [(e.kind, e.name, e.right.text) for e in parse_equations(text, "demo")]


def test_three_kinds_of_lines():
    assert read("dV/dt = -V\nx := a * x\nu = V + x") == [("ode", "V", "-V"), ("map", "x", "a * x"), ("value", "u", "V + x")]


@pytest.mark.parametrize(
    "text", ["dV/dt=-V", "dV / dt = -V", "  dV/dt   =   -V  ", "d V/dt = -V", "\n\ndV/dt = -V\n\n", "dV/dt = -V # leak"]
)
def test_blanks_and_comments_mean_nothing(text):
    assert read(text) == [("ode", "V", "-V")]


def test_whole_lines_of_comment_are_skipped():
    assert read("# dU/dt = 1\ndV/dt = (-V  # here (too\n    # and here\n + I)") == [("ode", "V", "(-V + I)")]


def test_open_brackets_continue_a_line():
    text = """
        dV/dt = (
            -(V - V_rest)
            + R * I
        ) / tau
        u = exp(
            V)
    """
    assert read(text) == [("ode", "V", "( -(V - V_rest) + R * I ) / tau"), ("value", "u", "exp( V)")]


def test_names_that_begin_with_d_are_no_derivatives():
    assert read("dV = 3\nd = 2\ndelta := dV") == [("value", "dV", "3"), ("value", "d", "2"), ("map", "delta", "dV")]


@pytest.mark.parametrize(
    "line",
    [
        "V",
        "V + 1",
        "dV/dt",
        "dV/dt == 1",
        "dV/dx = 1",
        "d2V/dt2 = 1",
        "d/dt = 1",
        "V += 1",
        "1 = V",
        "for = 1",
        "V.x = 1",
        "dV/dt = 1)",
        "(V) = 1",
    ],
)
def test_other_lines_are_refused(line):
    with pytest.raises(DeclarationError, match="^demo"):
        read(f"{line}\nx := 1")


def test_a_bracket_that_is_never_closed_is_refused():
    with pytest.raises(DeclarationError, match="demo, equation of V: cannot read"):
        read("dV/dt = (I - V\ndU/dt = -U")


@pytest.mark.parametrize(
    ("right", "spot"),
    [("(I - V", r"'\(' was never closed at '\(I - V'"), ("1 +", "invalid syntax at its end"), ("1 2 3", "invalid syntax at '2 3'")],
)
def test_what_cannot_be_read_is_shown_from_where_it_goes_wrong(right, spot):
    with pytest.raises(DeclarationError, match=f"demo, equation of V: cannot read .*, {spot}; write it as in Python"):
        read(f"dV/dt = {right}")


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("(I - V) / tau : volt", r"leave out ': volt', units belong to parameters, such as spaic.Parameter\(10.0, 'ms'\)"),
        ("(I - V) / tau : mV/ms", "leave out ': mV/ms', units belong to parameters"),
        ("V : 1", "leave out ': 1', units"),
        ("(I - V) : other", "write it as in Python"),
        ("V^2", "'V \\^ 2' is no power in 'V\\^2'; write \\*\\* for \\^"),
    ],
)
def test_how_other_simulators_write_it(right, said):
    with pytest.raises(DeclarationError, match=f"demo, equation of V: .*{said}"):
        read(f"dV/dt = {right}")


def test_units_are_no_names():
    with pytest.raises(DeclarationError, match=r"'ms' is a unit and no name in '-V / \(10\*ms\)'; leave it out, units belong"):
        Model("dV/dt = -V / (10*ms)", name="demo")
    with pytest.raises(DeclarationError, match="unknown name 'A'"):
        Model("dV/dt = -V / A", name="demo")


def test_a_right_side_that_is_missing():
    with pytest.raises(DeclarationError, match="demo, equation of V: nothing stands after the '=' in 'dV/dt ='"):
        read("dV/dt =")
    with pytest.raises(DeclarationError, match=r"demo, on_pre: nothing stands after '\+=' in 'x \+='; write for example 'x \+= 1'"):
        parse_assignments("y = 1; x +=", "demo", "on_pre")


@pytest.mark.parametrize("second", ["dV/dt = 1", "V := 1", "V = 1"])
def test_a_name_is_defined_once(second):
    with pytest.raises(DeclarationError, match="demo: 'V' is defined twice"):
        read(f"dV/dt = -V\n{second}")


def test_a_wrong_right_side_names_model_and_equation():
    with pytest.raises(DeclarationError, match=r"demo, equation of U: .*'V\.x'"):
        read("dV/dt = -V\ndU/dt = V.x")


def test_equations_are_text():
    with pytest.raises(DeclarationError, match="demo: equations must be text"):
        parse_equations(["dV/dt = -V"], "demo")


def test_assignments_keep_their_order_and_operator():
    found = parse_assignments("V = c; U += d\nx -= 1  # one\ny *= 2; z /= 3;", "demo", "reset")
    assert [(a.name, a.operator, a.right.text) for a in found] == [
        ("V", "=", "c"),
        ("U", "+=", "d"),
        ("x", "-=", "1"),
        ("y", "*=", "2"),
        ("z", "/=", "3"),
    ]


@pytest.mark.parametrize("text", ["V", "V == 1", "V **= 2", "V := 1", "1 = V", "V > 1", "dV/dt = 1", "V, U = 1", "V ="])
def test_other_statements_are_refused(text):
    with pytest.raises(DeclarationError, match="^demo, reset"):
        parse_assignments(text, "demo", "reset")
