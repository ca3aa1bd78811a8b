"""Check the Kubernetes manifests as far as possible without a cluster: each name leads somewhere."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from config import health
from config.management.commands import serve
from tests.kit import dockerfile

ROOT = dockerfile.ROOT
PLACE = ROOT / "deploy" / "kubernetes"
FILES = sorted(path.name for path in PLACE.glob("*.yaml"))
LISTED = yaml.safe_load((PLACE / "kustomization.yaml").read_text())
READ = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
DOCUMENTS = [
    document
    for name in FILES
    if name != "kustomization.yaml"
    for document in yaml.safe_load_all((PLACE / name).read_text())
]
VERSIONS = {
    "ConfigMap": "v1",
    "Secret": "v1",
    "Service": "v1",
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
}


def of_kind(*kinds):
    return [each for each in DOCUMENTS if each["kind"] in kinds]


def named(kind, name):
    [found] = [each for each in of_kind(kind) if each["metadata"]["name"] == name]
    return found


PODS = {each["metadata"]["name"]: each["spec"]["template"] for each in of_kind("Deployment", "Job")}
CONTAINERS = [
    (f"{pod}/{container['name']}", PODS[pod]["spec"], container)
    for pod in PODS
    for container in [
        *PODS[pod]["spec"].get("initContainers", []),
        *PODS[pod]["spec"]["containers"],
    ]
]
ids = [name for name, _, _ in CONTAINERS]


def labels_of(pod):
    return PODS[pod]["metadata"]["labels"]


def ports_of(pod):
    return {
        port["name"]: port["containerPort"]
        for container in PODS[pod]["spec"]["containers"]
        for port in container.get("ports", [])
    }


def test_kustomize_lists_every_file_but_the_secret():
    assert {*LISTED["resources"], "kustomization.yaml", "secret.example.yaml"} == set(FILES)


def test_each_kind_has_its_stable_version():
    assert {each["kind"]: each["apiVersion"] for each in DOCUMENTS} == VERSIONS


def test_the_settings_exist():
    config, secret = named("ConfigMap", "munjigi"), named("Secret", "munjigi")

    assert set(config["data"]) | set(secret["stringData"]) <= READ
    assert all(isinstance(value, str) for value in config["data"].values())
    assert set(secret["stringData"].values()) == {""}
    assert not set(config["data"]) & set(secret["stringData"])


@pytest.mark.parametrize(("name", "pod", "container"), CONTAINERS, ids=ids)
def test_the_image_is_one_of_the_dockerfile(name, pod, container):
    stages = {a.split(" AS ")[1] for n, a in dockerfile.instructions() if n == "FROM"}

    assert container["image"].removeprefix("munjigi-") in stages
    assert container["image"] in {each["name"] for each in LISTED["images"]}


@pytest.mark.parametrize(("name", "pod", "container"), CONTAINERS, ids=ids)
def test_a_container_has_no_rights_that_it_does_not_need(name, pod, container):
    context = container["securityContext"]

    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"]["drop"] == ["ALL"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    if container["image"] == "munjigi-app":
        assert context["readOnlyRootFilesystem"] is True
        assert "add" not in context["capabilities"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        [user] = [a for n, a in dockerfile.instructions() if n == "RUN" and "useradd" in a]
        assert f"--uid {pod['securityContext']['runAsUser']} " in user
    assert {"requests", "limits"} <= container["resources"].keys()


@pytest.mark.parametrize(("name", "pod", "container"), CONTAINERS, ids=ids)
def test_every_mount_and_source_exists(name, pod, container):
    volumes = {volume["name"] for volume in pod["volumes"]}

    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    for source in container.get("envFrom", []):
        for kind, reference in source.items():
            named({"configMapRef": "ConfigMap", "secretRef": "Secret"}[kind], reference["name"])


@pytest.mark.parametrize(("name", "pod", "container"), CONTAINERS, ids=ids)
def test_every_probe_asks_a_port_and_a_path_that_exist(name, pod, container):
    ports = {port["name"] for port in container.get("ports", [])}
    probes = [
        container[kind]
        for kind in ("startupProbe", "livenessProbe", "readinessProbe")
        if kind in container
    ]
    for probe in probes:
        asked = probe.get("httpGet") or probe["tcpSocket"]
        assert asked["port"] in ports
        assert asked.get("path", "/livez") in health.VIEWS


def test_the_processes_run_as_in_serve():
    commands = {name: PODS[name]["spec"]["containers"][0].get("command") for name in PODS}

    assert commands["web"] is None  # the image's own
    assert commands["worker"][1:] == serve.WORKER[2:]
    assert commands["events"][1:3] == serve.EVENTS[2:]
    assert "--port=8005" in commands["events"]
    assert "manage.py migrate" in " ".join(commands["migrate"])


def test_nginx_finds_both_services():
    upstream = (ROOT / "deploy/nginx/snippets/upstream.conf").read_text()
    for name in ("web", "events"):
        [port] = named("Service", name)["spec"]["ports"]
        assert f"    server {name}:{port['port']} " in upstream
        assert ports_of(name)[port["targetPort"]] == port["port"]


def test_nginx_gets_the_files_that_it_reads():
    [volume] = PODS["edge"]["spec"]["volumes"]
    tls = (ROOT / "deploy/nginx/snippets/tls.conf").read_text()

    for item in volume["secret"]["items"]:
        assert f"/etc/nginx/tls/{item['path']};" in tls


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget"])
def test_every_selector_finds_its_pod(kind):
    for document in of_kind(kind):
        selector = document["spec"]["selector"]
        assert selector.get("matchLabels", selector) == labels_of(document["metadata"]["name"])


@pytest.mark.parametrize("name", ["web", "worker", "events", "edge"])
def test_two_pods_of_each_survive_a_disruption(name):
    assert named("Deployment", name)["spec"]["replicas"] >= 2
    assert named("PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1


def allowed(pod):
    """Return who reaches which port of this pod, by the network policies."""
    found = set()
    for policy in of_kind("NetworkPolicy"):
        chosen = policy["spec"]["podSelector"].get("matchLabels", {})
        if chosen.items() <= labels_of(pod).items():
            for rule in policy["spec"].get("ingress", []):
                sources = [
                    str(next(iter(source.values()))["matchLabels"])
                    for source in rule.get("from", [])
                ]
                for port in rule["ports"]:
                    found |= {(port["port"], source) for source in sources or ["anybody"]}
    return found


def test_only_prometheus_reaches_the_metrics_and_only_nginx_the_site():
    edge, monitoring = str(labels_of("edge")), str({"kubernetes.io/metadata.name": "monitoring"})
    port = int(named("ConfigMap", "munjigi")["data"]["METRICS_PORT"])

    assert named("NetworkPolicy", "nobody")["spec"]["podSelector"] == {}
    assert allowed("web") == {(8000, edge), (port, monitoring)}
    assert allowed("events") == {(8005, edge), (port, monitoring)}
    assert allowed("worker") == {(port, monitoring)}
    assert {source for number, source in allowed("edge") if number in {80, 443}} == {"anybody"}
    assert ports_of("web")["metrics"] == port
    assert {each["port"] for each in named("Service", "edge")["spec"]["ports"]} == {80, 443}


@pytest.mark.servers
def test_kubeconform_accepts_the_manifests():
    program = shutil.which("kubeconform")
    if program is None:
        pytest.skip("kubeconform isn't installed")
    files = [PLACE / name for name in FILES if name != "kustomization.yaml"]

    done = subprocess.run([program, "-strict", *files], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


TEST = ROOT / "deploy" / "compose-test.sh"


def compose_test(tmp_path, **programs):
    """Run the script with these programs (name and shell code) in place of an engine."""
    for name, code in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    for name in (
        "sh",
        "dirname",
        "mktemp",
        "rm",
        "tar",
        "git",
        "openssl",
        "cat",
        "tr",
        "tail",
        "gzip",
    ):
        (tmp_path / name).symlink_to(shutil.which(name))
    return subprocess.run(
        [TEST],
        env={"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.servers
@pytest.mark.parametrize(
    ("programs", "line"),
    [
        ({}, "skipped: neither docker nor podman is installed\n"),
        ({"docker": "exit 1"}, "skipped: docker is installed, but no engine answers\n"),
        ({"podman": '[ "$1" = info ]'}, "skipped: podman has no compose\n"),
    ],
)
def test_without_an_engine_compose_test_says_so(tmp_path, programs, line):
    done = compose_test(tmp_path, **programs)

    assert (done.stdout, done.returncode) == (line, 0)


@pytest.mark.servers
def test_compose_test_removes_what_it_made_if_a_step_fails(tmp_path):
    log = tmp_path / "log"
    engine = f'echo "$*" >>{log}; case "$*" in *" up "*) pwd >>{log}; exit 1 ;; esac'

    done = compose_test(tmp_path, docker=engine)

    assert done.returncode == 1, done.stderr
    lines = log.read_text().splitlines()
    assert lines[-1].endswith("down --volumes --remove-orphans")
    [copy] = [line for line in lines if line.startswith("/")]
    assert not Path(copy).exists()
