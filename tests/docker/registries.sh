# shellcheck shell=bash
# Three real registries: open, with a password, and with a password over TLS. Each has its address in $RUN/NAME.address.

REGISTRY_USER=builder

registries() {
  need docker-registry docker-registry "tests of images"
  mkdir -p "$DIR/registry"
  password
  certificate
  registry open 127.0.0.1
  registry password 127.0.0.1
  # An engine does not look at the certificate of a registry on the loopback interface, and takes plain HTTP there as well.
  registry tls "$(host_address)"
}

# An address of this machine that is not the loopback: the one that containers know it by.
host_address() {
  local bridge
  bridge="$(bridge_address "$ENGINE" || true)"
  echo "${bridge:-127.0.0.1}"
}

# A password of this machine, and its hash as registries read it.
password() {
  local folder="$DIR/registry" salt
  [ -s "$folder/htpasswd" ] && return
  openssl rand -hex 16 >"$folder/password"
  salt="$(openssl rand -hex 11)"
  # crypt of perl is that of the system; `openssl passwd` does not know this form.
  perl -e 'chomp(my $p = <STDIN>); print "$ARGV[0]:", crypt($p, "\$2y\$05\$$ARGV[1]"), "\n"' "$REGISTRY_USER" "$salt" \
    <"$folder/password" >"$folder/htpasswd.new"
  mv "$folder/htpasswd.new" "$folder/htpasswd"
}

# An authority of our own, and a certificate of it for the addresses of this machine.
certificate() {
  local folder="$DIR/registry" names
  names="DNS:localhost,IP:127.0.0.1,IP:$(host_address)"
  if [ -s "$folder/server.pem" ] && [ "$(cat "$folder/names" 2>/dev/null)" = "$names" ] &&
    openssl x509 -in "$folder/server.pem" -noout -checkend 86400 >/dev/null; then
    return
  fi
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=Windlass tests" \
    -addext "basicConstraints=critical,CA:TRUE" -keyout "$folder/authority.key" -out "$folder/authority.pem" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=registry" \
    -keyout "$folder/server.key" -out "$folder/server.csr" 2>/dev/null
  openssl x509 -req -in "$folder/server.csr" -CA "$folder/authority.pem" -CAkey "$folder/authority.key" -CAcreateserial \
    -days 3650 -extfile <(printf 'subjectAltName=%s\n' "$names") -out "$folder/server.pem" 2>/dev/null
  echo "$names" >"$folder/names"
  end tls
}

# registry NAME HOST: one of the three, on a free port, unless it goes already.
registry() {
  local name="$1" host="$2" log="$DIR/log/$1.log"
  if lives "$name" && registry_answers "$name"; then
    return
  fi
  end "$name"
  registry_settings "$name" "$host" >"$RUN/$name.yml"
  setsid docker-registry serve "$RUN/$name.yml" >"$log" 2>&1 </dev/null 9>&- &
  remember "$name" $!
  if until_true 20 registry_port "$log"; then
    echo "$host:$(registry_port "$log")" >"$RUN/$name.address"
    until_true 20 registry_answers "$name" && return
  fi
  tail -n 20 "$log" >&2
  echo "error: the registry '$name' does not answer; its log is $log" >&2
  return 2
}

# The port that the system gave it, from its log.
registry_port() {
  sed -n 's/.*listening on [^"]*:\([0-9]*\).*/\1/p' "$1" | grep .
}

# 401 is an answer as well.
registry_answers() {
  local scheme=http
  [ "$1" = tls ] && scheme=https
  curl --silent --max-time 10 --noproxy '*' --cacert "$DIR/registry/authority.pem" --output /dev/null \
    "$scheme://$(cat "$RUN/$1.address")/v2/"
}

registry_settings() {
  local name="$1" host="$2" folder="$DIR/registry"
  cat <<YAML
version: 0.1
log: {level: info}
storage:
  filesystem: {rootdirectory: "$folder/data/$name"}
  delete: {enabled: true}
http:
  addr: "$host:0"
YAML
  [ "$name" = tls ] && printf '  tls: {certificate: "%s", key: "%s"}\n' "$folder/server.pem" "$folder/server.key"
  [ "$name" = open ] || printf 'auth:\n  htpasswd: {realm: tests, path: "%s"}\n' "$folder/htpasswd"
}
