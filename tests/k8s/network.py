"""Who may connect to whom by NetworkPolicies, as a network that enforces them would decide."""

import ipaddress


def matches(selector, labels):
    assert set(selector) <= {"matchLabels"}, f"a selector that is not understood: {selector}"
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


class Network:
    """Policies of one namespace, and its pods: {name: (labels, {port name: number})}."""

    def __init__(self, policies, namespace, pods):
        self.policies, self.namespace, self.pods = policies, namespace, pods

    def allows(self, source, target, port, protocol="TCP"):
        """Ends are names of pods, ("namespace", {labels}) for any pod there, or an address."""
        return (self._may(source, target, port, protocol, "egress")
                and self._may(target, source, port, protocol, "ingress"))

    def _may(self, end, peer, port, protocol, direction):
        if end not in self.pods if isinstance(end, str) else True:
            return True
        labels, _ = self.pods[end]
        chosen = [p["spec"] for p in self.policies
                  if matches(p["spec"]["podSelector"], labels)
                  and direction.capitalize() in p["spec"]["policyTypes"]]
        if not chosen:
            return True
        peers = "from" if direction == "ingress" else "to"
        # Names of ports are those of the pod that is connected to.
        listening = self.pods.get(end if direction == "ingress" else peer, (None, {}))[1] \
            if isinstance(peer, str) or direction == "ingress" else {}
        return any(self._port(rule, port, protocol, listening)
                   and (peers not in rule or any(self._peer(p, peer) for p in rule[peers]))
                   for spec in chosen for rule in spec.get(direction, []))

    @staticmethod
    def _port(rule, port, protocol, listening):
        return "ports" not in rule or any(
            entry.get("protocol", "TCP") == protocol and listening.get(entry["port"], entry["port"]) == port
            for entry in rule["ports"])

    def _peer(self, rule, peer):
        if "ipBlock" in rule:
            if not isinstance(peer, str) or peer in self.pods:
                return False
            address = ipaddress.ip_address(peer)
            block = rule["ipBlock"]
            return address in ipaddress.ip_network(block["cidr"]) and not any(
                address in ipaddress.ip_network(e) for e in block.get("except", []))
        if isinstance(peer, tuple):
            return ("namespaceSelector" in rule and matches(rule["namespaceSelector"], peer[1])
                    and "podSelector" not in rule)
        if peer not in self.pods:
            return False
        if "namespaceSelector" in rule:
            own = {"kubernetes.io/metadata.name": self.namespace}
            if not matches(rule["namespaceSelector"], own):
                return False
        return matches(rule.get("podSelector", {}), self.pods[peer][0])
