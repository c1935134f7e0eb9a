# SPDX-License-Identifier: MIT
"""The job templates: what stands in them is run, with the variables that their service sets. No
cluster is here: ci/slurm has one."""

import os
import subprocess

import pytest
import yaml

from .artifacts import BUILD, MATTERHORN, SAFETY_SECONDS, TOP, matterhorn_json

JOBS = TOP / "ci/jobs"


@pytest.fixture(scope="module", name="profile")
def small_profile(tmp_path_factory):
    """Some power losses for each shard."""
    text = (TOP / "sim/profiles/eth-app-update.yaml").read_text(encoding="utf-8").partition("  minimum:")[0]
    head, found, tail = text.rpartition("count: ")
    assert found
    file = tmp_path_factory.mktemp("profile") / "profile.yaml"
    file.write_text(f"{head}{found}8\n{tail.partition(chr(10))[2]}", encoding="utf-8")
    return file


@pytest.fixture(name="folder")
def folder_like_a_checkout(tmp_path):
    (tmp_path / "build").symlink_to(BUILD)
    return tmp_path


def run(command, folder, status=0, **variables):
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run([str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True,
                          timeout=SAFETY_SECONDS, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def assert_whole(store):
    result = matterhorn_json("report", store)
    assert (result["cuts"], result["verdict"]) == (8, "pass")


def test_kubernetes_runs_each_shard_once(profile, folder):
    """Its number of pods is the number of shards that the command reads, and the volume is where the stores go."""
    documents = list(yaml.safe_load_all((JOBS / "kubernetes.yaml").read_text(encoding="utf-8")))
    claim, job = documents
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert (job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed")
    assert spec["completions"] == int(variables["MATTERHORN_SHARDS"]) and pod["restartPolicy"] in ("OnFailure", "Never")
    assert container["volumeMounts"][0]["mountPath"] == variables["RESULTS"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    variables |= {"PROFILE": profile, "RESULTS": folder}
    for index in range(spec["completions"]):
        run(container["command"], folder, **variables, JOB_COMPLETION_INDEX=index)
    run((MATTERHORN, "merge", "sweep.store", *folder.glob("shard-*.store")), folder)
    assert_whole(folder / "sweep.store")


def test_gitlab_merges_its_parallel_jobs(profile, folder):
    jobs = yaml.safe_load((JOBS / "gitlab.yml").read_text(encoding="utf-8"))
    assert jobs["sweep"]["parallel"] > 1 and jobs["verdict"]["needs"] == ["sweep"]
    assert jobs["sweep"]["artifacts"]["when"] == "always"
    for index in (1, 2):
        run(("bash", "-ec", "\n".join(jobs["sweep"]["script"])), folder, PROFILE=profile, CI_NODE_INDEX=index,
            CI_NODE_TOTAL=2)
    run(("bash", "-ec", "\n".join(jobs["verdict"]["script"])), folder, PROFILE=profile)
    assert_whole(folder / "sweep.store")
    for name in (*jobs["verdict"]["artifacts"]["paths"], jobs["verdict"]["artifacts"]["reports"]["junit"]):
        assert (folder / name).exists()


def test_slurm_scripts_take_their_shard(profile, folder):
    for task in (3, 5):
        array = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_TASK_COUNT": 2, "SLURM_ARRAY_TASK_MIN": 3,
                 "SLURM_ARRAY_TASK_STEP": 2}
        run(("bash", JOBS / "sweep.sbatch", profile, "results", "--live", 0), folder, **array, SLURM_SUBMIT_DIR=folder)
    run(("bash", JOBS / "merge.sbatch", "results"), folder, SLURM_SUBMIT_DIR=folder)
    assert_whole(folder / "results/sweep.store")
    run(("bash", JOBS / "sweep.sbatch", profile, "results", "--seed", 9), folder, 2, **array, SLURM_SUBMIT_DIR=folder)
    run(("bash", JOBS / "sweep.sbatch"), folder, 2)
