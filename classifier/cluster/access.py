"""Who can use a Ray cluster: those who have its token, or without one, those who reach it.

A cluster runs any code for anyone who reaches its ports. Ray 2.60 opens them on all networks of a
machine, even if the address of the node is 127.0.0.1.
"""

import ipaddress
import os
import socket
import subprocess
import sys

from classifier.common.errors import StageError

GUIDE = "docs/how-to/several-machines.md"
PROBE = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


def require_token(name: str) -> None:
    """Raises a StageError if others could use the cluster without a token, or ours is not accepted.

    Both are tried in processes of their own: Ray ends a process whose token it cannot read.

    Args:
        name: <host>:<port> of the head.
    """
    probes = [_probe(name, environment) for environment in ({"RAY_AUTH_MODE": "disabled"}, {})]
    stranger, own = (probe.wait() for probe in probes)
    if stranger == 0 and not is_alone():
        raise StageError(
            f"RAY_ADDRESS: the cluster must ask for a token, else anyone who reaches {name} can "
            f"run programs on its machines; start all of them with RAY_AUTH_MODE=token: see {GUIDE}"
        )
    if own != 0:
        raise StageError(
            f"RAY_AUTH_TOKEN: must be the token of the cluster at {name}, with "
            f"RAY_AUTH_MODE=token; it was not accepted: see {GUIDE}"
        )


def is_alone() -> bool:
    """Tells whether all addresses of this machine are loopback, so that no other one reaches it."""
    from psutil import net_if_addrs

    internet = socket.AF_INET, socket.AF_INET6
    every = (one for addresses in net_if_addrs().values() for one in addresses)
    texts = (one.address.partition("%")[0] for one in every if one.family in internet)
    return all(ipaddress.ip_address(text).is_loopback for text in texts)


def _probe(name: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    command, nowhere = [sys.executable, "-c", PROBE, name], subprocess.DEVNULL
    return subprocess.Popen(command, env=os.environ | environment, stdout=nowhere, stderr=nowhere)
