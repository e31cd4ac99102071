#!/bin/sh
# Asks every route of the API with made-up values, against its own OpenAPI document: no answer of 500, and none that the document
# does not describe. The console must be running on this machine and is changed by it: give it one with a data folder to throw away.
#
#   HINOMI_URL=https://127.0.0.1:8443 HINOMI_USER=admin HINOMI_PASSWORD=… tests/api/schemathesis.sh
#
# Where the account still has its one-time password, it is changed to HINOMI_NEW_PASSWORD first. Ends with 1 where something does not
# fit, with 3 where a tool is missing.
set -eu
SCHEMATHESIS=${SCHEMATHESIS:-schemathesis}
for tool in curl "$SCHEMATHESIS"; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed (pip install schemathesis)"; exit 3; }
done
: "${HINOMI_URL:?the address of a running console}" "${HINOMI_USER:?a login name}" "${HINOMI_PASSWORD:?its password}"
URL=${HINOMI_URL%/}
case $URL in https://127.0.0.1:* | https://localhost:* | https://\[::1\]:*) ;; *) echo "only a console on this machine"; exit 2 ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
jar=$folder/cookies
web() { path=$1; shift; curl -sS -k -b "$jar" -c "$jar" -H "Origin: $URL" "$@" "$URL$path"; }
token() { sed -n 's/.*name="csrf" value="\([0-9a-f]*\)".*/\1/p' | head -n 1; }
csrf=$(web /login | token)
web /login --data-urlencode "csrf=$csrf" --data-urlencode "next=/" --data-urlencode "name=$HINOMI_USER" --data-urlencode "password=$HINOMI_PASSWORD" >/dev/null
if [ -n "${HINOMI_NEW_PASSWORD:-}" ]; then
    csrf=$(web /password | token)
    web /password --data-urlencode "csrf=$csrf" --data-urlencode "current=$HINOMI_PASSWORD" --data-urlencode "new=$HINOMI_NEW_PASSWORD" --data-urlencode "again=$HINOMI_NEW_PASSWORD" >/dev/null
fi
csrf=$(web /api/v1/session | sed -n 's/.*"csrf":"\([0-9a-f]*\)".*/\1/p')
[ -n "$csrf" ] || { echo "the log-in did not work"; exit 1; }
session=$(awk '$6 == "__Host-hinomi" { print $7 }' "$jar")
cd "$folder"
"$SCHEMATHESIS" run "$URL/api/v1/openapi.json" --tls-verify=false -H "Cookie: __Host-hinomi=$session" -H "X-CSRF-Token: $csrf" \
    --checks "${CHECKS:-not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance}" \
    --max-examples "${EXAMPLES:-40}" --phases "${PHASES:-examples,coverage,fuzzing}" --generation-database none "$@"
