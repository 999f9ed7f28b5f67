"""The manifests of docs/team: they parse, and their names and ports agree. They are not run here."""

from __future__ import annotations

import importlib
import re
from typing import Any

from tests.support.places import REPOSITORY

yaml: Any = importlib.import_module("yaml")  # comes with detect-secrets, without types
FOLDER = REPOSITORY / "docs" / "team"


def test_the_router_asks_services_that_there_are_at_their_ports() -> None:
    services: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))["services"]
    conf = (FOLDER / "nginx.conf").read_text("utf-8")
    asked = set(re.findall(r"server ([\w-]+):(\d+)", conf))
    assert {name for name, _ in asked} == set(services) - {"router"}
    for name, port in asked:
        assert port in services[name]["expose"]
        assert f"--port {port}" in services[name]["command"]
        assert f"127.0.0.1:{port}/health" in services[name]["healthcheck"]["test"][-1]
    assert set(re.findall(r"listen (\d+) ssl", conf)) == {
        one.split(":")[1] for one in services["router"]["ports"]
    }
    assert set(services["router"]["depends_on"]) == {name for name, _ in asked}
    upstreams = set(re.findall(r"upstream (\w+)", conf))
    assert upstreams == set(re.findall(r"proxy_pass http://(\w+);", conf))
    assert conf.count("{") == conf.count("}")


def test_the_manifests_name_each_other() -> None:
    parts = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text("utf-8"))
    by_kind: dict[str, Any] = {part["kind"]: part for part in parts}
    deployment, service, ingress = (by_kind[kind] for kind in ("Deployment", "Service", "Ingress"))
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    (container,) = pod["spec"]["containers"]
    (port,) = container["ports"]
    assert f"--port={port['containerPort']}" in container["args"]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    for probe in ("readinessProbe", "startupProbe"):
        assert container[probe]["httpGet"]["port"] == port["name"]
    assert service["spec"]["ports"][0]["targetPort"] == port["name"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        one["name"] for one in pod["spec"]["volumes"]
    }
    (rule,) = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"]["name"] == service["spec"]["ports"][0]["name"]
    assert rule["host"] in ingress["spec"]["tls"][0]["hosts"]
