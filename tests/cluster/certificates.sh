# shellcheck shell=bash
# Keys, certificates and kubeconfigs of the test cluster. What is there stays. Sourced.

# authority NAME
authority() {
  [ -s "$KEYS/$1.crt" ] && return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
    -subj "/CN=$1" -keyout "$KEYS/$1.key" -out "$KEYS/$1.crt" 2>/dev/null
}

# certificate NAME AUTHORITY SUBJECT USAGE [ALTERNATIVE NAMES]
certificate() {
  local name="$KEYS/$1" authority="$KEYS/$2" subject="$3" usage="$4" names="${5:-}"
  [ -s "$name.crt" ] && return
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
  {
    echo "keyUsage=critical,digitalSignature,keyEncipherment"
    echo "extendedKeyUsage=$usage"
    [ -z "$names" ] || echo "subjectAltName=$names"
  } >"$name.extensions"
  openssl x509 -req -in "$name.csr" -CA "$authority.crt" -CAkey "$authority.key" -CAcreateserial -days 3650 \
    -out "$name.crt" -extfile "$name.extensions" 2>/dev/null
}

# kubeconfig USER FILE
kubeconfig() {
  [ -s "$2" ] && return
  (umask 077 && cat >"$2") <<YAML
apiVersion: v1
kind: Config
clusters:
  - name: windlass-test
    cluster: {server: "https://$NODE_IP:$API_PORT", certificate-authority-data: $(base64 -w0 "$KEYS/ca.crt")}
users:
  - name: $1
    user: {client-certificate-data: $(base64 -w0 "$KEYS/$1.crt"), client-key-data: $(base64 -w0 "$KEYS/$1.key")}
contexts:
  - name: windlass-test
    context: {cluster: windlass-test, user: $1}
current-context: windlass-test
YAML
}

make_certificates() {
  local cluster=kubernetes.default.svc.cluster.local
  authority ca
  authority front-proxy-ca
  certificate apiserver ca /CN=kube-apiserver serverAuth \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:$cluster,IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE_IP"
  certificate kubelet-server ca "/CN=$NODE" serverAuth "DNS:$NODE,IP:$NODE_IP"
  certificate apiserver-kubelet-client ca /O=system:masters/CN=apiserver-kubelet-client clientAuth
  certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
  certificate admin ca /O=system:masters/CN=admin clientAuth
  certificate kubelet ca "/O=system:nodes/CN=system:node:$NODE" clientAuth
  if [ ! -s "$KEYS/service-accounts.pub" ]; then
    openssl genrsa -out "$KEYS/service-accounts.key" 2048 2>/dev/null
    openssl rsa -in "$KEYS/service-accounts.key" -pubout -out "$KEYS/service-accounts.pub" 2>/dev/null
  fi
  kubeconfig kubelet "$CONFIG/kubelet.kubeconfig"
  local user
  for user in kube-controller-manager kube-scheduler kube-proxy; do
    certificate "$user" ca "/CN=system:$user" clientAuth
    kubeconfig "$user" "$CONFIG/$user.kubeconfig"
  done
}
