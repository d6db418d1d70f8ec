#!/usr/bin/env bash
# destroy.sh ENVIRONMENT [ARGUMENT...]: takes an environment away with all that is in it. What controllers
# of the cluster made in AWS (the load balancer and its security groups, DNS records, volumes) is no part
# of Terraform's state, and a network that they are in cannot be deleted: the release goes first, and
# Terraform follows when they are gone. Arguments go to `terraform destroy`: -auto-approve, for one; without
# it the name is asked for.
# KUBECONFIG is the cluster; without it, that which Terraform made. STACKYARD_DESTROY_WAIT is how long
# controllers may take (10m).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tf-lib.sh
. "$(dirname "$0")/tf-lib.sh"
# shellcheck source=scripts/environment-lib.sh
. "$(dirname "$0")/environment-lib.sh"

RELEASE=stackyard
WAIT=${STACKYARD_DESTROY_WAIT:-10m}
[ "$#" -ge 1 ] || die 'the environment is missing' 'use: scripts/destroy.sh staging|production [ARGUMENT...]'
ENVIRONMENT=$1
shift
environment_exists "$ENVIRONMENT"
need_tools
need_cluster_tools

umask 077
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
read_outputs "$ENVIRONMENT" "$WORK/outputs.json"
# Its load balancer is protected as long as it is durable, and nothing else would go either.
! output .helm_values.value | grep -q 'deletion_protection.enabled=true' ||
  die "$ENVIRONMENT is durable" \
    "set durable = false in terraform/$ENVIRONMENT/main.tf, apply, deploy; then run the same command again"
case " $* " in
  *' -auto-approve '*) ;;
  *)
    say "This takes $ENVIRONMENT away, with all that its users made. Its name, to go on:"
    read -r answer || answer=''
    [ "$answer" = "$ENVIRONMENT" ] || die 'nothing was taken away' 'run the same command again, and write the name'
    ;;
esac
use_cluster "$WORK"
NAMESPACE=$(output .namespace.value)
kubectl get namespaces >/dev/null 2>"$WORK/fault" ||
  die "the cluster does not answer: $(tail -n 1 "$WORK/fault")" \
    "if it is gone already, what is left: scripts/tf.sh $ENVIRONMENT destroy"

# gone KIND NAMESPACE: deletes all of them, and waits for those who clean up after them.
gone() {
  kubectl --namespace "$2" delete "$1" --all --ignore-not-found --timeout "$WAIT" >/dev/null ||
    die "$1 of $2 are not gone after $WAIT" \
      "look at: kubectl --namespace $2 describe $1; then run the same command again"
}

say "[destroy] the release"
helm uninstall "$RELEASE" --namespace "$NAMESPACE" --ignore-not-found --wait --timeout "$WAIT" ||
  die "the release of $ENVIRONMENT is not gone" 'read what is above, then run the same command again'
# Each has a finalizer of the load balancers' controller, which lets go when its load balancer is gone.
gone ingresses "$NAMESPACE"
say "[destroy] volumes"
helm uninstall prometheus --namespace monitoring --ignore-not-found --wait --timeout "$WAIT" ||
  die 'Prometheus is not gone' 'read what is above, then run the same command again'
gone persistentvolumeclaims monitoring
gone persistentvolumeclaims "$NAMESPACE"
# They go when their disks are gone; claims are not held up by that.
gone persistentvolumes "$NAMESPACE"
say "[destroy] $ENVIRONMENT"
tf "$ENVIRONMENT" destroy "$@"
