"""The examples for clusters: what they say of one thing in two places agrees, nothing is open."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def claim_and_job() -> tuple[dict[str, Any], dict[str, Any]]:
    claim, job = yaml.safe_load_all((ROOT / "deploy/kuberay.yaml").read_text())
    assert (claim["kind"], job["kind"]) == ("PersistentVolumeClaim", "RayJob")
    assert job["apiVersion"] == "ray.io/v1"
    return claim, job


@pytest.fixture(scope="module")
def cluster(claim_and_job: Any) -> dict[str, Any]:
    return claim_and_job[1]["spec"]["rayClusterSpec"]


@pytest.fixture(scope="module")
def pods(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the head and then of each group of workers."""
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_ray_is_the_one_that_was_tested_and_asks_for_a_token(cluster: dict[str, Any]) -> None:
    pinned = (ROOT / "scripts/constraints.txt").read_text()
    assert f"ray=={cluster['rayVersion']}\n" in pinned
    assert cluster["authOptions"] == {"mode": "token"}


def test_nothing_is_open_to_the_outside(cluster: dict[str, Any]) -> None:
    assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
    text = (ROOT / "deploy/kuberay.yaml").read_text()
    assert not re.search("LoadBalancer|NodePort|Ingress|hostNetwork|hostPort", text)


def test_all_pods_see_the_films_under_one_path(claim_and_job: Any, pods: list[Any]) -> None:
    claim, job = claim_and_job
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in pods:
        (container,), (volume,) = pod["containers"], pod["volumes"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
        assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/shared"}]
    told = [word for word in job["spec"]["entrypoint"].split() if word.startswith("/")]
    assert [str(Path(word).parent) for word in told] == ["/shared", "/shared"]


def test_all_pods_run_one_image_as_its_user(pods: list[Any]) -> None:
    (image,) = {pod["containers"][0]["image"] for pod in pods}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert image.startswith("registry.example.com/vidcolor:")
    assert f" AS torch-{image.partition(':')[2]}\n" in dockerfile
    for pod in pods:
        assert f"\nUSER {pod['securityContext']['runAsUser']}\n" in dockerfile
        assert pod["securityContext"]["runAsNonRoot"]


def test_workers_fit_the_machines(claim_and_job: Any, cluster: dict[str, Any]) -> None:
    words = shlex.split(claim_and_job[1]["spec"]["entrypoint"])
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    (group,) = cluster["workerGroupSpecs"]
    wanted = int(words[words.index("--workers") + 1])
    assert wanted == group["replicas"] == group["minReplicas"] == group["maxReplicas"]
    assert group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]


def test_the_script_for_machines_of_ones_own_says_how_it_is_used() -> None:
    script = ROOT / "deploy/vm.sh"
    subprocess.run(["bash", "-n", script], check=True)
    run = subprocess.run([script], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("usage: ")
    alone = subprocess.run([script, "worker"], capture_output=True, text=True)
    assert alone.returncode == 1
    assert "address of the head is missing" in alone.stderr
