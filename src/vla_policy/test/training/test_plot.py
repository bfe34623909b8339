import pytest

from vla_policy.training.plot import COLUMNS, read_log, table


def row(step, loss=1.0):
    return {**dict.fromkeys(COLUMNS, 0.5), "step": step, "frames": 96.0 * step, "loss": loss}


def write(path, rows):
    path.write_text("".join(",".join(str(r[key]) for key in COLUMNS) + "\n" for r in rows))
    return path


def test_where_a_run_was_resumed_the_newest_row_counts(tmp_path):
    log = write(tmp_path / "log.csv", [row(50.0), row(100.0, 2.0), row(150.0, 3.0), row(100.0, 4.0), row(150.0, 5.0)])
    assert [(r["step"], r["loss"]) for r in read_log(log)] == [(50, 1.0), (100, 4.0), (150, 5.0)]


def test_a_half_written_row_is_an_error(tmp_path):
    log = write(tmp_path / "log.csv", [row(50.0)])
    log.write_text(log.read_text() + "100,9600\n")
    with pytest.raises(ValueError, match="zip"):
        read_log(log)


def test_the_table_has_every_so_manieth_step_and_the_last():
    lines = table([row(step) for step in range(50, 501, 50)], every=200).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["200", "400", "500"]
    assert lines[-1].endswith("| 500.0 |"), "place error in millimetres"
