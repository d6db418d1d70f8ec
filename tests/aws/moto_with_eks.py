"""moto with what Stackyard's environments need of EKS and RDS and moto 5.2 lacks. To be run by the
Python that has moto:

    moto_with_eks.py PORT

Added: EKS add-ons, access entries and their policies, pod identity associations, a cluster's access
configuration and security group, a node group's update configuration. Mended: node groups have no
remote access that nobody asked for; parameters of RDS parameter groups are told, and Performance
Insights, the key of a Prometheus workspace and the description of a rule that names a security group
are remembered, and how many old versions a bucket's lifecycle keeps; tags of a launch template are not
part of its data. moto refuses by a bucket's policy whatever its conditions are: here who comes counts
as coming by TLS. A connection is closed after its client has closed it: who reads slowly would take an
answer for a lost one, ask again, and be told that what it made "already exists". Whatever is asked for
is there at once; nothing is checked that AWS would check.
"""

import json
import sys
import urllib.parse
import uuid

from moto.amp.models import Workspace
from moto.amp.responses import PrometheusServiceResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.eks import urls
from moto.eks.exceptions import ResourceNotFoundException
from moto.eks.responses import EKSResponse
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.rds.responses import RDSResponse
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response
from moto.server import MotoRequestHandler, main

# What belongs to clusters: {cluster ARN: {kind: {key: object}}}.
KEPT = {}
POLICY_KEY = "policyArn"
CLIENT_CLOSES_SECONDS = 5


def missing(kind, key):
    return ResourceNotFoundException(
        clusterName=None, nodegroupName=None, fargateProfileName=None, addonName=None,
        message=f"No {kind} found for {key}")


class MoreEks(EKSResponse):
    """The calls of EKS that moto lacks; they are found by name."""

    def cluster(self):
        name = self._get_param("name") or self._get_param("clusterName")
        return self.eks_backend.describe_cluster(name=name)

    def kept(self, kind):
        return KEPT.setdefault(self.cluster().arn, {}).setdefault(kind, {})

    def one(self, kind, key):
        found = self.kept(kind).get(key)
        if found is None:
            raise missing(kind, key)
        return found

    def arn(self, kind, key):
        return self.cluster().arn.replace(":cluster/", f":{kind}/") + f"/{key}/{uuid.uuid4()}"

    def text(self, name):
        return urllib.parse.unquote(self._get_param(name))

    def params(self, *names):
        return {n: v for n in names if (v := self._get_param(n)) is not None}

    # ---- Add-ons ----------------------------------------------------------------------------

    def create_addon(self):
        key = self._get_param("addonName")
        addon = {"addonVersion": "v1.0.0-eksbuild.1", "tags": {}}
        addon.update(self.params("addonName", "addonVersion", "serviceAccountRoleArn",
                                 "configurationValues", "tags"))
        addon.update(clusterName=self.cluster().name, status="ACTIVE", addonArn=self.arn("addon", key),
                     createdAt=utcnow(), modifiedAt=utcnow(), health={"issues": []})
        identities = []
        for wanted in self._get_param("podIdentityAssociations") or []:
            identities.append(self.associate({"namespace": "kube-system", "tags": {}, **wanted}))
        addon["podIdentityAssociations"] = [a["associationArn"] for a in identities]
        self.kept("addon")[key] = addon
        return ActionResult({"addon": addon})

    def describe_addon(self):
        return ActionResult({"addon": self.one("addon", self._get_param("addonName"))})

    def list_addons(self):
        return ActionResult({"addons": sorted(self.kept("addon"))})

    def delete_addon(self):
        addon = self.one("addon", self._get_param("addonName"))
        del self.kept("addon")[addon["addonName"]]
        return ActionResult({"addon": {**addon, "status": "DELETING"}})

    # ---- Access entries ---------------------------------------------------------------------

    def create_access_entry(self):
        key = self.text("principalArn")
        entry = {"kubernetesGroups": [], "tags": {}, "type": "STANDARD", "username": key}
        entry.update(self.params("principalArn", "kubernetesGroups", "tags", "type", "username"))
        entry.update(clusterName=self.cluster().name, accessEntryArn=self.arn("access-entry", key),
                     createdAt=utcnow(), modifiedAt=utcnow())
        self.kept("access-entry")[key] = entry
        return ActionResult({"accessEntry": entry})

    def describe_access_entry(self):
        return ActionResult({"accessEntry": self.one("access-entry", self.text("principalArn"))})

    def delete_access_entry(self):
        self.one("access-entry", self.text("principalArn"))
        del self.kept("access-entry")[self.text("principalArn")]
        return EmptyResult()

    def associate_access_policy(self):
        principal = self.text("principalArn")
        self.one("access-entry", principal)
        policy = {**self.params(POLICY_KEY, "accessScope"), "associatedAt": utcnow(),
                  "modifiedAt": utcnow()}
        self.kept("access-policy")[(principal, policy[POLICY_KEY])] = policy
        return ActionResult({"clusterName": self.cluster().name, "principalArn": principal,
                             "associatedAccessPolicy": policy})

    def list_associated_access_policies(self):
        principal = self.text("principalArn")
        policies = [p for (who, _), p in self.kept("access-policy").items() if who == principal]
        return ActionResult({"clusterName": self.cluster().name, "principalArn": principal,
                             "associatedAccessPolicies": policies})

    def disassociate_access_policy(self):
        key = (self.text("principalArn"), self.text(POLICY_KEY))
        self.one("access-policy", key)
        del self.kept("access-policy")[key]
        return EmptyResult()

    # ---- Pod identity -----------------------------------------------------------------------

    def associate(self, fields):
        key = "a-" + uuid.uuid4().hex[:17]
        association = {"clusterName": self.cluster().name, "associationId": key,
                       "associationArn": self.cluster().arn.replace(
                           ":cluster/", ":podidentityassociation/") + f"/{key}",
                       "createdAt": utcnow(), "modifiedAt": utcnow(), "tags": {}, **fields}
        self.kept("pod-identity")[key] = association
        return association

    def create_pod_identity_association(self):
        fields = self.params("namespace", "serviceAccount", "roleArn", "tags")
        return ActionResult({"association": self.associate(fields)})

    def describe_pod_identity_association(self):
        return ActionResult({"association": self.one("pod-identity", self._get_param("associationId"))})

    def list_pod_identity_associations(self):
        return ActionResult({"associations": list(self.kept("pod-identity").values())})

    def delete_pod_identity_association(self):
        association = self.one("pod-identity", self._get_param("associationId"))
        del self.kept("pod-identity")[association["associationId"]]
        return ActionResult({"association": association})

    # ---- Clusters and node groups -----------------------------------------------------------

    def create_cluster(self):
        answer = super().create_cluster()
        cluster = self.cluster()
        access = {"authenticationMode": "CONFIG_MAP", "bootstrapClusterCreatorAdminPermissions": True}
        access.update(self._get_param("accessConfig") or {})
        cluster.access_config = access
        # moto's are all the same, and providers of identities may not be.
        issuer = f"https://oidc.eks.{self.region}.amazonaws.com/id/{uuid.uuid4().hex.upper()}"
        cluster.identity = {"oidc": {"issuer": issuer}}
        network = ec2_backends[self.current_account][self.region]
        vpc = network.get_subnet(cluster.resources_vpc_config["subnetIds"][0]).vpc_id
        name = f"eks-cluster-sg-{cluster.name}"
        group = network.create_security_group(name, "EKS created security group", vpc_id=vpc)
        cluster.resources_vpc_config = {
            "publicAccessCidrs": ["0.0.0.0/0"], "securityGroupIds": [], **cluster.resources_vpc_config,
            "clusterSecurityGroupId": group.id, "vpcId": vpc}
        return answer

    def delete_cluster(self):
        cluster = self.cluster()
        network = ec2_backends[self.current_account][self.region]
        answer = super().delete_cluster()
        network.delete_security_group(group_id=cluster.resources_vpc_config["clusterSecurityGroupId"])
        KEPT.pop(cluster.arn, None)
        return answer

    def create_nodegroup(self):
        answer = super().create_nodegroup()
        group = self.eks_backend.describe_nodegroup(
            cluster_name=self._get_param("name"), nodegroup_name=self._get_param("nodegroupName"))
        group.remote_access = self._get_param("remoteAccess")
        group.update_config = self._get_param("updateConfig")
        group.version = self._get_param("version") or self.cluster().version
        return answer


def describe_db_parameters(self):
    name = self.params.get("DBParameterGroupName")
    [group] = self.backend.describe_db_parameter_groups({"db_parameter_group_name": name})
    told = [{"Source": "user", "IsModifiable": True, **fields} for fields in group.parameters.values()]
    return ActionResult({"Parameters": told})


def create_db_instance(self, _original=RDSResponse.create_db_instance):
    answer = _original(self)
    instance = self.backend.databases[self.params["DBInstanceIdentifier"]]
    instance.dbi_resource_id = f"db-{uuid.uuid4().hex[:26].upper()}"
    instance.performance_insights_enabled = bool(self.params.get("EnablePerformanceInsights"))
    instance.performance_insights_kms_key_id = self.params.get("PerformanceInsightsKMSKeyId")
    instance.performance_insights_retention_period = self.params.get("PerformanceInsightsRetentionPeriod")
    return answer


def describe_rule(self):
    return self.ip_range.get("Description") or self.source_group.get("Description")


def make_version(self, template, number, data, description, _original=LaunchTemplateVersion.__init__):
    _original(self, template, number, data, description)
    of_others = [s for s in data.get("TagSpecifications", []) if s["ResourceType"] != "launch-template"]
    self.data = {**data, "TagSpecifications": of_others}


def create_workspace(self, _original=PrometheusServiceResponse.create_workspace):
    answer = json.loads(_original(self))
    workspace = self.amp_backend.workspaces[answer["workspaceId"]]
    workspace.kms_key_arn = json.loads(self.body).get("kmsKeyArn")
    return json.dumps(workspace.to_dict())


def tell_workspace(self, _original=Workspace.to_dict):
    key = getattr(self, "kms_key_arn", None)
    return {**_original(self), **({"kmsKeyArn": key} if key else {})}


def put_lifecycle(self, bucket_name, rules, _original=S3Backend.put_bucket_lifecycle):
    _original(self, bucket_name, rules)
    bucket = self.get_bucket(bucket_name)
    bucket.kept_versions = {
        rule["ID"]: int(kept) for rule in rules
        if (kept := (rule.get("NoncurrentVersionExpiration") or {}).get("NewerNoncurrentVersions"))}


def get_lifecycle(self, _original=S3Response.get_bucket_lifecycle):
    kept = getattr(self.backend.get_bucket(self.bucket_name), "kept_versions", {})
    serialized = self.serialized

    def complete(action):
        for rule in action.result["Rules"]:
            if rule["ID"] in kept:
                rule["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = kept[rule["ID"]]
        return serialized(action)

    self.serialized = complete
    try:
        return _original(self)
    finally:
        del self.serialized


def permission(self, action, resource):
    policy = json.loads(self.policy or '{"Statement": []}')
    policy["Statement"] = [
        statement for statement in policy["Statement"]
        if statement.get("Condition") != {"Bool": {"aws:SecureTransport": "false"}}]
    if not policy["Statement"]:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


def finish(self, _original=MotoRequestHandler.finish):
    """The answer says "Connection: close", so the client is the first to close."""
    try:
        self.wfile.flush()
        self.connection.settimeout(CLIENT_CLOSES_SECONDS)
        while self.connection.recv(65536):
            pass
    except OSError:
        pass
    _original(self)


def install():
    cluster = "{0}/clusters/(?P<name>[^/]+)"
    # A principal is an ARN, with slashes of its own.
    entry = f"{cluster}/access-entries/(?P<principalArn>.+?)"
    paths = [
        f"{cluster}/addons$", f"{cluster}/addons/(?P<addonName>[^/]+)$",
        f"{cluster}/pod-identity-associations$",
        f"{cluster}/pod-identity-associations/(?P<associationId>[^/]+)$",
        f"{cluster}/access-entries$", f"{entry}/access-policies$",
        f"{entry}/access-policies/(?P<policyArn>.+)$", f"{entry}$"]
    for path in [*urls.url_paths, *paths]:
        urls.url_paths[path] = MoreEks.dispatch
    RDSResponse.describe_db_parameters = describe_db_parameters
    RDSResponse.create_db_instance = create_db_instance
    SecurityGroupRule.description = property(describe_rule)
    LaunchTemplateVersion.__init__ = make_version
    PrometheusServiceResponse.create_workspace = create_workspace
    Workspace.to_dict = tell_workspace
    FakeBucket.get_permission = permission
    S3Backend.put_bucket_lifecycle = put_lifecycle
    S3Response.get_bucket_lifecycle = get_lifecycle
    MotoRequestHandler.finish = finish


if __name__ == "__main__":
    install()
    main(["-H", "127.0.0.1", "-p", sys.argv[1]])
