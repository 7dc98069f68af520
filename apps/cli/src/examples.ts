import type { Command } from "commander";

/** Lines to copy, by command: `--help` and docs/cli.md end in them. Every command that is shown has one. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  up: [
    "heddle up",
    "heddle up --no-demo",
    "heddle up --control-planes 2",
    "heddle up -o json | jq -r 'select(.event == \"ready\").loginLink'",
  ],
  run: [
    "heddle run --service reviews --version v2 --port 9000 -- node server.js",
    "heddle run --service client --port 9001 --outbound ledger:5432=15432 -- ./client",
    "heddle run --service reviews --port 9000 -o json -- node server.js 2> events.ndjson",
  ],
  proxy: ["heddle proxy --config host-a.yaml", "heddle proxy --config host-a.yaml -o json"],
  apply: [
    "heddle apply -f shop.yaml --reason 'reviews v2 to a tenth'",
    "heddle export istio | heddle apply -f -",
  ],
  diff: ["heddle diff -f shop.yaml"],
  analyze: ["heddle analyze -f shop/", "heddle analyze"],
  get: [
    "heddle get vs",
    "heddle get VirtualService shop/reviews -o yaml",
    "heddle get workloads -o json",
  ],
  delete: ["heddle delete VirtualService shop/reviews --reason 'not split any more'"],
  history: ["heddle history", "heddle history --effect worse", "heddle history 12"],
  "history pin": ["heddle history pin 12"],
  "history unpin": ["heddle history unpin 12"],
  "history name": ["heddle history name 12 before-the-sale"],
  "history note": ["heddle history note 12 'asked for by the payments team'"],
  rollback: [
    "heddle rollback 12 --reason 'checkout fails since 13'",
    "heddle rollback 13 --undo --dry-run",
    "heddle rollback --at 14:20",
  ],
  "export git": ["heddle export git rules/", "heddle export git rules/ --watch --push"],
  "import git": ["heddle import git rules/ --prune --dry-run"],
  drift: ["heddle drift rules/", "heddle drift rules/ --report --exit-code"],
  replicas: ["heddle replicas"],
  proxies: ["heddle proxies", "heddle proxies -o json"],
  "review list": ["heddle review list --all"],
  "review show": ["heddle review show 6f0c2d1e-8a41-4c7b-9d52-0b1f6c3a7e90"],
  "review ask": ["heddle review ask -f reviews.yaml --note 'half for v2 tonight?'"],
  "review comment": ["heddle review comment 6f0c2d1e-8a41-4c7b-9d52-0b1f6c3a7e90 'why so fast?'"],
  "review approve": ["heddle review approve 6f0c2d1e-8a41-4c7b-9d52-0b1f6c3a7e90 'looks right'"],
  "review withdraw": ["heddle review withdraw 6f0c2d1e-8a41-4c7b-9d52-0b1f6c3a7e90"],
  "review apply": [
    "heddle review apply 6f0c2d1e-8a41-4c7b-9d52-0b1f6c3a7e90 --reason 'agreed with jon'",
  ],
  holds: ["heddle holds"],
  "holds confirm": ["heddle holds confirm 7 --reason 'the old hosts are gone'"],
  "holds dismiss": ["heddle holds dismiss 7"],
  sources: ["heddle sources"],
  "sources forget": [
    "heddle sources forget 'directory /etc/heddle/old' --reason 'the host is gone'",
  ],
  "instance drain": [
    "heddle instance drain shop/reviews-v1 10.0.0.7:15006 --reason 'its disk is slow' --for 2h",
  ],
  "instance weight": ["heddle instance weight shop/reviews-v1 10.0.0.7 3"],
  "instance label": ["heddle instance label shop/reviews-v1 10.0.0.7 tier=slow"],
  "instance locality": ["heddle instance locality shop/reviews-v1 10.0.0.7 eu/west/b"],
  "instance restore": ["heddle instance restore shop/reviews-v1 10.0.0.7:15006"],
  "instance list": ["heddle instance list"],
  "pushes list": ["heddle pushes list"],
  "pushes finish": ["heddle pushes finish"],
  "pushes stop": ["heddle pushes stop --reason 'checkout fails'"],
  "bypass on": [
    "heddle bypass on shop/front shop/reviews --for 30m --reason 'is it the mesh?'",
    "heddle bypass on shop/payments-v1 --for 10m",
  ],
  "bypass off": ["heddle bypass off bypass-payments-v1"],
  "bypass list": ["heddle bypass list"],
  "proxy-config": ["heddle proxy-config shop/reviews-v1 routes"],
  "mtls get": ["heddle mtls get", "heddle mtls get shop/reviews-v1"],
  "mtls ladder": ["heddle mtls ladder"],
  "mtls preflight": ["heddle mtls preflight shop/payments-v1"],
  "mtls set": [
    "heddle mtls set shop/payments-v1 STRICT --guard 10m",
    "heddle mtls set shop PERMISSIVE",
  ],
  "mtls guards": ["heddle mtls guards"],
  "mtls guards cancel": ["heddle mtls guards cancel 3f0c9a52-58f7-4a52-9d2c-0f4a3f6f6c11"],
  "canary list": ["heddle canary list"],
  "canary start": [
    "heddle canary start shop/payments --version v2 --weight 5",
    "heddle canary start shop/payments --version v3 --stable v1 --reason 'the new ledger'",
  ],
  "canary status": ["heddle canary status", "heddle canary status shop/payments --window 5m"],
  "canary promote": ["heddle canary promote shop/payments"],
  "canary weight": ["heddle canary weight shop/payments 25"],
  "canary rollback": ["heddle canary rollback shop/payments"],
  graph: ["heddle graph", "heddle graph -o dot | dot -Tsvg > graph.svg"],
  signals: [
    "heddle signals",
    "heddle signals shop/reviews-v1 --window 5m",
    "heddle signals 'front->reviews' -o json",
  ],
  "traces list": [
    "heddle traces list --failed",
    "heddle traces list '*->payments' --slower-than 200",
  ],
  "traces get": ["heddle traces get 4bf92f3577b34da6a3ce929d0e0e4736"],
  tap: [
    "heddle tap shop/reviews --status failed",
    "heddle tap front --to reviews --method GET --path '/reviews/*' --for 5m",
    "heddle tap payments-v2 -o json --header x-tester=anna",
  ],
  why: [
    "heddle why 4bf92f3577b34da6a3ce929d0e0e4736",
    "heddle why --from shop/front-v1 --to shop/ratings-v1 --method DELETE --path /reviews/7",
  ],
  denials: ["heddle denials shop/ratings-v1 --window 1h"],
  "policy suggest": ["heddle policy suggest -n shop | heddle apply -f -"],
  "policy allow": ["heddle policy allow 5f1c2d | heddle apply -f -"],
  "export istio": [
    "heddle export istio istio/ -n shop",
    "heddle export istio | kubectl apply -f -",
  ],
  "token create": ["heddle token create -n shop --ttl 10m"],
  "token list": ["heddle token list"],
  "token revoke": ["heddle token revoke 8hT2kQ --disconnect"],
  login: [
    "heddle login",
    "heddle login --server https://mesh.example:20001 --user vera",
    "heddle login --server https://mesh.example:20001 --token-stdin < token.txt",
  ],
  logout: ["heddle logout", "heddle logout --server https://mesh.example:20001"],
  "user create": ["heddle user create vera --grant operator@shop"],
  "user list": ["heddle user list"],
  "user grant": ["heddle user grant vera --grant viewer@shop --grant operator@bank"],
  "user disable": ["heddle user disable vera"],
  "user enable": ["heddle user enable vera"],
  "user setup-link": ["heddle user setup-link vera"],
  "user sign-out": ["heddle user sign-out vera"],
  "user delete": ["heddle user delete vera"],
  "api-token create": ["heddle api-token create ci --grant operator@shop --ttl 30d"],
  "api-token list": ["heddle api-token list"],
  "api-token revoke": ["heddle api-token revoke 8hT2kQ"],
  audit: ["heddle audit --actor vera", "heddle audit -o json"],
  "ca status": ["heddle ca status"],
  "ca rotate": ["heddle ca rotate --of intermediate", "heddle ca rotate --of root --step"],
  "ca pause": ["heddle ca pause"],
  "ca resume": ["heddle ca resume"],
  "ca abort": ["heddle ca abort"],
  "ca rescue": ["heddle ca rescue --force"],
  "ca revoke": ["heddle ca revoke --workload shop/reviews-v1 --reason 'its host was taken over'"],
  check: ["heddle check", "heddle check -o json"],
  migrate: ["DATABASE_URL=postgresql://heddle@db/heddle heddle migrate"],
  completion: [
    "heddle completion bash > /etc/bash_completion.d/heddle",
    "source <(heddle completion zsh)",
  ],
};

/** Every command below `program` that does something, by its words: `mtls set`. */
export function listCommands(
  program: Command,
  path: readonly string[] = [],
): { readonly path: string; readonly command: Command }[] {
  return program.commands.flatMap((command) => {
    const words = [...path, command.name()];
    const below = listCommands(command, words);
    const isGroup = below.length > 0 && !hasOwnAction(command);
    return isGroup ? below : [{ path: words.join(" "), command }, ...below];
  });
}

/** A group such as `ca` only prints its help; commander marks what does something by its listener. */
function hasOwnAction(command: Command): boolean {
  return command.options.length > 0 || command.registeredArguments.length > 0;
}

export function addExamples(program: Command): void {
  for (const { path, command } of listCommands(program)) {
    const lines = EXAMPLES[path];
    if (lines !== undefined)
      command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`);
  }
}
