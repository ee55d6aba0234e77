"""What deploy/kubernetes has: good by Kubernetes' own schemas, and of one piece."""

from pathlib import Path
from typing import Any
from unittest import TestCase

import kubernetes_validate
import yaml

from dotproxy.cli.caller import METRICS_PORT
from dotproxy.config.admin import SYSTEM_FOLDER
from dotproxy.config.toml_file import load
from dotproxy.observe.actions import CALLS

ROOT = Path(__file__).parent.parent

FOLDER = ROOT / "deploy" / "kubernetes"

VARIANTS = ("deployment", "node-local", "sidecar")

VERSIONS = ("1.29", "1.33")
"""The first Kubernetes that starts sidecars before the rest, and a later one."""

KUSTOMIZATION = "kustomization.yaml"

OVER_TLS = {"port": 853, "protocol": "TCP"}


def manifests(variant: str) -> list[dict[str, Any]]:
    """Return all objects of a variant but the kustomization."""
    files = sorted((FOLDER / variant).glob("*.yaml"))
    return [
        each
        for file in files
        if file.name != KUSTOMIZATION
        for each in yaml.safe_load_all(file.read_text())
    ]


def one(variant: str, kind: str) -> dict[str, Any]:
    """Return what a variant has of a kind."""
    (found,) = (each for each in manifests(variant) if each["kind"] == kind)
    return found


def pods(variant: str) -> list[dict[str, Any]]:
    """Return the specifications of the pods of a variant."""
    specs = (each.get("spec", {}) for each in manifests(variant))
    return [spec["template"]["spec"] for spec in specs if "template" in spec]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a pod, sidecars included."""
    return [*pod.get("initContainers", []), *pod["containers"]]


class ManifestTests(TestCase):
    def test_schemas(self) -> None:
        """Kubernetes knows each key, and each value has its type."""
        for variant in VARIANTS:
            for manifest in manifests(variant):
                for version in VERSIONS:
                    kubernetes_validate.validate(manifest, version, strict=True)

    def test_unknown_key(self) -> None:
        """The schemas find a key that is misspelled."""
        pod = one("sidecar", "Deployment")
        pod["spec"]["template"]["spec"]["dnsconfig"] = {}
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(pod, VERSIONS[0], strict=True)

    def test_kustomizations(self) -> None:
        """A kustomization has every manifest beside it, and the configuration."""
        for variant in VARIANTS:
            folder = FOLDER / variant
            says = yaml.safe_load((folder / KUSTOMIZATION).read_text())
            beside = {file.name for file in folder.glob("*.yaml")}
            assert {*says["resources"]} == beside - {KUSTOMIZATION}
            (generated,) = says["configMapGenerator"]
            assert generated["files"] == ["dotproxy.toml"]
            assert says["generatorOptions"] == {"disableNameSuffixHash": True}
            (pod,) = pods(variant)
            volume, _ = pod["volumes"]
            assert volume["configMap"]["name"] == generated["name"]

    def test_configurations(self) -> None:
        """dotproxy takes each configuration; a sidecar serves its own pod alone."""
        hosts = {}
        for variant in VARIANTS:
            config = load(str(FOLDER / variant / "dotproxy.toml"))
            (listen,) = config.listen
            assert listen.port == 53
            hosts[variant] = listen.host
            assert config.admin.listen == f"0.0.0.0:{METRICS_PORT}"
            assert not config.admin.token
        everywhere = "0.0.0.0"
        assert [*hosts.values()] == [everywhere, everywhere, "127.0.0.1"]

    def test_pods(self) -> None:
        """Nobody is root, writes to the image, has a capability, or gains rights."""
        for variant in VARIANTS:
            (pod,) = pods(variant)
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
            for container in containers(pod):
                assert container["securityContext"] == {
                    "readOnlyRootFilesystem": True,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert "memory" in container["resources"]["limits"]

    def test_whole_folder(self) -> None:
        """The folder is mounted: a file alone would never be another."""
        for variant in VARIANTS:
            (pod,) = pods(variant)
            mount, socket = containers(pod)[0]["volumeMounts"]
            assert mount["mountPath"] == "/etc/dotproxy"
            assert "subPath" not in mount
            assert socket["mountPath"] == SYSTEM_FOLDER

    def test_probes(self) -> None:
        """Each is asked whether it lives, where its metrics are; a sidecar also before
        the rest begins.  No probe asks for what is not there."""
        for variant in VARIANTS:
            (pod,) = pods(variant)
            dotproxy = containers(pod)[0]
            ports = {each["name"]: each for each in dotproxy.get("ports", ())}
            alive = dotproxy["livenessProbe"]["httpGet"]
            assert alive["path"] == "/healthz"
            for name in ("livenessProbe", "readinessProbe", "startupProbe"):
                said = dotproxy.get(name, {}).get("httpGet", alive)
                assert said["path"].strip("/") in CALLS
                port = ports.get(said["port"], {"containerPort": said["port"]})
                assert port["containerPort"] == METRICS_PORT
        assert dotproxy["restartPolicy"] == "Always"
        assert dotproxy["startupProbe"]["httpGet"] == alive


class NetworkTests(TestCase):
    def test_egress(self) -> None:
        """DNS over TLS goes out, and nothing else."""
        policy = one("deployment", "NetworkPolicy")["spec"]
        assert policy["egress"] == [{"ports": [OVER_TLS]}]
        assert policy["policyTypes"] == ["Ingress", "Egress"]

    def test_node_egress(self) -> None:
        """On a node plain DNS goes out as well, to the cluster's own and no other."""
        policy = one("node-local", "NetworkPolicy")["spec"]
        tls, plain = policy["egress"]
        assert tls == {"ports": [OVER_TLS]}
        ((to,),) = (plain["to"],)
        assert to["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}
        assert {each["port"] for each in plain["ports"]} == {53}

    def test_core_dns(self) -> None:
        """CoreDNS forwards to the Service's address."""
        address = one("deployment", "Service")["spec"]["clusterIP"]
        corefile = (FOLDER / "deployment" / "Corefile").read_text()
        assert f"forward . dns://{address} {{" in corefile

    def test_services(self) -> None:
        """A Service has UDP and TCP, and finds the pods."""
        for variant, kind in (
            ("deployment", "Deployment"),
            ("node-local", "DaemonSet"),
        ):
            service, pod = one(variant, "Service")["spec"], one(variant, kind)["spec"]
            protocols = {each["protocol"] for each in service["ports"]}
            assert protocols == {"UDP", "TCP"}
            labels = pod["template"]["metadata"]["labels"]
            assert service["selector"] == labels
            assert pod["selector"]["matchLabels"] == labels
        assert service["internalTrafficPolicy"] == "Local"
