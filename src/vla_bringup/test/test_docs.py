"""What the pages say exists: files, commands, topics, reason codes, and contracts that load."""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from vla_bringup.cli import app, policy_app, robot_app
from vla_core.contract import load_contract

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = ROOT / "README.md"
INTERFACES, SAFETY = ROOT / "docs" / "interfaces.md", ROOT / "docs" / "safety.md"


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def code() -> str:
    """Every Python file of the packages, without their tests."""
    return "\n".join(path.read_text() for path in sorted((ROOT / "src").glob("*/vla_*/**/*.py")))


def anchors(page: Path) -> set[str]:
    """The anchors that headings get."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(page: Path) -> list[str]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", link)]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken, f"{name(page)} has links to nowhere: {', '.join(broken)}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make (?:-C \S+ )?([a-z]+)", page.read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_vla_command_exists(page: Path) -> None:
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {"policy", "robot"}
    policies = {command.name for command in policy_app.registered_commands}
    for first, second in re.findall(r"(?:^|`|\./)vla ([a-z]+)(?: ([a-z]+))?", page.read_text(), re.MULTILINE):
        assert first in commands, f"there is no `vla {first}`"
        if first == "policy":
            assert second in policies, f"there is no `vla policy {second}`"
        if first == "robot":
            assert second in {command.name for command in robot_app.registered_commands}, f"no `vla robot {second}`"


def test_the_readme_names_the_two_commands() -> None:
    lines = README.read_text().splitlines()
    assert "make demo" in lines and "make test" in lines


def table_names(text: str) -> set[str]:
    """What stands in backticks in the first cells of tables."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return {item for cell in cells for item in re.findall(r"`([^`]+)`", cell)}


def test_every_topic_service_and_action_of_the_interfaces_is_in_the_code() -> None:
    text = INTERFACES.read_text()
    section = text[text.index("## Topics") : text.index("## All of it")]
    topics = table_names(section)
    assert len(topics) > 20
    for topic in topics:
        wanted = re.sub(r"^[a-z]+_camera/", "_camera/", topic)  # the simulator puts the camera's name before it
        assert f'"{wanted}"' in code() or f'}}{wanted}"' in code(), f"{topic} is not in the code"
    by_hand = set(re.findall(r" /((?:vla|sim)/\w+)", text))
    assert by_hand <= topics


def test_every_reason_code_is_documented_and_real() -> None:
    rows = [line for line in SAFETY.read_text().splitlines() if line.startswith("|") and line.count("|") == 5]
    documented = {reason for row in rows[2:] for reason in re.findall(r"`(\w+)`", row.split("|")[4])}
    assert len(documented) > 30
    folders = [ROOT / "src/vla_core/vla_core/safety", ROOT / "src/vla_inference/vla_inference/monitor"]
    source = "\n".join(path.read_text() for folder in folders for path in sorted(folder.rglob("*.py")))
    said = set(re.findall(r'reason = "(\w+)"', source)) | set(re.findall(r'_refuse\(\s*"(\w+)",', source))
    said |= set(re.findall(r'Verdict\(\s*Decision\.\w+,\s*[^,]+,\s*"(\w+)"', source))
    assert not said - documented, "docs/safety.md lacks them"
    # Some are put together, as <input>_stale, or kept in a variable first.
    unknown = {reason for reason in documented - said if f'"{reason}"' not in source}
    assert unknown <= {"joint_state_stale"}


def contracts() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in re.findall(r"^( *)```yaml\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE):
            text = "\n".join(line.removeprefix(block[0]) for line in block[1].splitlines())
            if "format: vla-policy/" in text:
                found.append((name(page), text))
    return found


@pytest.mark.parametrize(("page", "text"), contracts(), ids=[page for page, _ in contracts()])
def test_every_contract_that_is_shown_loads(page: str, text: str) -> None:
    contract = load_contract(yaml.safe_load(text))
    assert contract.policy_id
