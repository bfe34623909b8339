"""From results to report.json and the page."""

import json
import math

import pytest

from vla_policy.evaluation.attempts import Job, Result
from vla_policy.evaluation.condition import NOMINAL, PARAPHRASES
from vla_policy.evaluation.page import html
from vla_policy.evaluation.runner import jobs
from vla_policy.evaluation.summary import summarize
from vla_policy.training.grammar import TASKS


def result(job, failure="", time_s=3.0):
    return Result(
        job=job, sentence="<go>", success=not failure, wrong_object=failure == "wrong_object", failure=failure,
        time_s=time_s, path_rad=2.0, tool_path_m=0.5, energy_j=4.0, jerk_rad_s3=9.0, sparc=-2.0,
        precision_m=0.01 if job.task == "reach" and not failure else math.nan, max_limit_violation=0.0,
        calls_ms=(4.0, 6.0),
    )  # fmt: skip


@pytest.fixture
def report():
    todo = jobs([NOMINAL, PARAPHRASES], 4)
    results = [result(job, "wrong_object" if job.task == "pick" and job.number == 3 else "") for job in todo]
    return summarize(results, [NOMINAL, PARAPHRASES], "mine@1.0", 0)


def test_every_task_and_condition_has_rate_interval_count_and_wrong_objects(report):
    assert list(report["tasks"]) == list(TASKS)
    pick = report["tasks"]["pick"]
    assert pick["success"] == 0.75 and pick["n"] == 4 and pick["wrong_object"] == 0.25
    assert pick["ci95"][0] < 0.75 < pick["ci95"][1]
    assert report["conditions"]["paraphrases"]["tasks"]["reach"]["success"] == 1.0
    assert report["conditions"]["nominal"]["all"]["n"] == 16
    assert report["failures"] == {"wrong_object": 2}
    assert report["calls_per_second"] == pytest.approx(200.0)


def test_precision_is_told_of_reaches_alone_and_json_has_no_nan(report):
    assert report["measures"]["reach"]["precision_m"] == 0.01
    assert "precision_m" not in report["measures"]["pick"]
    json.dumps(report, allow_nan=False)


def test_the_page_holds_the_video_and_escapes_what_others_wrote(report, tmp_path):
    video = tmp_path / "failure.mp4"
    video.write_bytes(b"film")
    page = html(report | {"policy_id": "<mine>"}, {"wrong_object": video})
    assert "&lt;mine&gt;" in page and "<mine>" not in page
    assert "data:video/mp4;base64,ZmlsbQ==" in page
    assert page.count('class="bar"') == 2


def test_the_scenes_of_a_task_are_the_same_under_every_condition():
    todo = jobs([NOMINAL, PARAPHRASES], 3, seed=2)
    assert [(job.task, job.number) for job in todo[:12]] == [(job.task, job.number) for job in todo[12:]]
    assert Job(NOMINAL, "reach", 2, 2) in todo
