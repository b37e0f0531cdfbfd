#!/usr/bin/env bash
# A host in the shell (bash): one pipe, requests in, answers out, in order. The end of the input ends the
# process once all is answered. It needs jq.
#
#     bash host.sh DATABASE [NAME ...]    save an empty workflow for each name, then list all
set -euo pipefail
database=$1
shift
{
  jq -nc '$ARGS.positional | to_entries[] |
    {jsonrpc: "2.0", id: (.key + 1), method: "workflows.save",
     params: {workflow: {name: .value, data: {}}}}' --args "$@"
  echo '{"jsonrpc":"2.0","id":"list","method":"workflows.list","params":{"order_by":"name"}}'
} | "${SIM_SIDECAR:-sim-sidecar}" serve --database "$database" | jq -rn '
  [inputs | select(has("id"))] | map(.error // empty)[0] as $error |
  if $error then "\($error.message)\n" | halt_error(1)
  else last.result.items[]? | "\(.id)\t\(.name)" end'
