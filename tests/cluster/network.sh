# shellcheck shell=bash
# The node's network, made and taken away. Sourced.

# A bridge without ports carries the node's address, so that nothing depends on the interfaces of the machine.
make_network() {
  local direction
  [ -s "$RUN/sysctl.saved" ] || sysctl net.ipv4.ip_forward vm.overcommit_memory kernel.panic kernel.panic_on_oops \
    net.ipv4.conf.all.route_localnet >"$RUN/sysctl.saved"
  ip link show "$NODE_BRIDGE" >/dev/null 2>&1 || ip link add "$NODE_BRIDGE" type bridge
  ip addr replace "$NODE_IP/24" dev "$NODE_BRIDGE"
  ip link set "$NODE_BRIDGE" up
  # Services are reached from the machine itself only by some route.
  ip route replace "$SERVICES" dev "$NODE_BRIDGE"
  sysctl -qw net.ipv4.ip_forward=1
  # A Docker engine on the same machine lets nothing through that it does not know.
  for direction in -i -o; do
    iptables -C FORWARD "$direction" "$POD_BRIDGE" -j ACCEPT 2>/dev/null ||
      iptables -I FORWARD "$direction" "$POD_BRIDGE" -j ACCEPT
  done
}

# Takes away what make_network, the kubelet and kube-proxy left.
remove_network() {
  local direction bridge
  "$PROGRAMS/kube-proxy" --cleanup >/dev/null 2>&1 || true
  remove_chains
  for direction in -i -o; do
    while iptables -D FORWARD "$direction" "$POD_BRIDGE" -j ACCEPT 2>/dev/null; do :; done
  done
  for bridge in "$POD_BRIDGE" "$NODE_BRIDGE"; do
    ip link del "$bridge" 2>/dev/null || true
  done
  [ ! -s "$RUN/sysctl.saved" ] || sysctl -q -p "$RUN/sysctl.saved" >/dev/null 2>&1 || true
  rm -f "$RUN/sysctl.saved"
}

remove_chains() {
  local table rule chain
  for table in mangle nat filter; do
    iptables -t "$table" -S 2>/dev/null | sed -n 's/^-A \([A-Z]* .*-j KUBE-.*\)/\1/p' | while read -r rule; do
      xargs iptables -t "$table" -D <<<"$rule" 2>/dev/null || true
    done
    for action in -F -X; do
      iptables -t "$table" -S 2>/dev/null | sed -n 's/^-N \(KUBE-.*\)/\1/p' | while read -r chain; do
        iptables -t "$table" "$action" "$chain" 2>/dev/null || true
      done
    done
  done
}
