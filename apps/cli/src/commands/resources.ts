import {
  ApplyResponse,
  type ResourceDocument,
  ResourceKind,
  ResourcesResponse,
  type WorkloadState,
  WorkloadsResponse,
} from "@heddle/contracts";
import { HeddleError } from "@heddle/runtime";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { formatAge, formatTable } from "../print/table.ts";
import { withRevision } from "../with-revision.ts";
import { formatApplied } from "./apply.ts";
import { type OutputOptions, openApi, parseTarget, print, withOutput } from "./command-kit.ts";

type NamespaceOption = { readonly namespace?: string };
type GetOptions = NamespaceOption & { readonly output: OutputOptions["output"] | "yaml" };

/** `heddle get` and `heddle delete`. */
export function addResourceCommands(program: Command): void {
  program
    .command("get")
    .addOption(
      new Option(
        "-o, --output <format>",
        "what to print; yaml: all documents, each with the revision it is at, so that `apply` refuses if it moves on",
      )
        .choices(["table", "json", "yaml"])
        .default("table"),
    )
    .description("list documents, or print one as YAML; `get workloads` lists who is registered")
    .argument(
      "<kind>",
      `${ResourceKind.options.join(", ")} or workloads; any case, plural, or short (vs, dr, se …)`,
    )
    .argument("[name]", "[namespace/]name")
    .option("-n, --namespace <namespace>", "only of this namespace")
    .action(async (kind: string, name: string | undefined, options: GetOptions) => {
      const { output } = options;
      if (/^workloads?$/i.test(kind)) {
        if (output === "yaml") throw new UsageError("workloads are no documents: -o table or json");
        return getWorkloads({ ...options, output });
      }
      return getResources(parseKind(kind), name, options);
    });
  withOutput(program.command("delete"))
    .description("delete a document, as a revision of its own")
    .argument("<kind>", ResourceKind.options.join(", "))
    .argument("<name>", "[namespace/]name")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--reason <text>", "why, kept in the history")
    .option("--accept-endpoint-loss", "also if services in use lose most of their endpoints by it")
    .action(async (kind: string, name: string, options: DeleteOptions) => {
      const target = parseTarget(name, options.namespace);
      const path = `/resources/${parseKind(kind)}/${target.namespace}/${target.name}`;
      const query = {
        reason: options.reason,
        source: "cli",
        acceptEndpointLoss: options.acceptEndpointLoss === true ? "true" : undefined,
      };
      const answer = await (await openApi()).ask(ApplyResponse, path, { method: "DELETE", query });
      print(options, answer, formatApplied);
    });
}

type DeleteOptions = OutputOptions & {
  readonly namespace: string;
  readonly reason?: string;
  readonly acceptEndpointLoss?: boolean;
};

async function getResources(
  kind: ResourceKind,
  name: string | undefined,
  options: GetOptions,
): Promise<void> {
  const target = name === undefined ? undefined : parseTarget(name, options.namespace ?? "");
  const namespace = target?.namespace || options.namespace;
  const answer = await (await openApi()).ask(ResourcesResponse, "/resources", {
    query: { kind, namespace, name: target?.name },
  });
  if (target !== undefined && answer.resources.length === 0) {
    throw new HeddleError("HEDDLE_NOT_FOUND", `there is no ${kind} ${name}`);
  }
  const { output } = options;
  if (output === "yaml") {
    const texts = answer.resources.map(({ yaml, revision }) => withRevision(yaml, revision));
    process.stdout.write(texts.join("---\n"));
    return;
  }
  const nowMs = Date.now();
  print({ output }, answer, ({ resources }) =>
    target === undefined
      ? formatTable(
          ["NAMESPACE", "NAME", "REVISION", "CHANGED", "FROM"],
          resources.map((one) => [
            one.namespace,
            one.name,
            one.origin === undefined ? String(one.revision) : "-",
            `${formatAge(one.updatedAtMs, nowMs)} ago`,
            formatOrigin(one.origin),
          ]),
        )
      : resources.map(({ yaml }) => yaml.trimEnd()).join("\n---\n"),
  );
}

/** `-`: somebody has applied it; else what names it, as it is changed there alone. */
function formatOrigin(origin: ResourceDocument["origin"]): string {
  if (origin === undefined) return "-";
  const { source, file, line } = origin;
  return [
    `${source}${file === undefined ? "" : `/${file}`}`,
    ...(line === undefined ? [] : [line]),
  ].join(":");
}

async function getWorkloads(options: OutputOptions & NamespaceOption): Promise<void> {
  const all = await (await openApi()).ask(WorkloadsResponse, "/workloads");
  const workloads = all.workloads.filter(
    ({ namespace }) => options.namespace === undefined || namespace === options.namespace,
  );
  print(options, { workloads }, () =>
    formatTable(
      ["NAMESPACE", "WORKLOAD", "SERVICE", "VERSION", "INSTANCES", "HEALTH", "MTLS"],
      workloads.map((one) => [
        one.namespace,
        one.name,
        one.service,
        one.version ?? "-",
        formatInstances(one.instances),
        formatHealth(one.instances),
        one.mtlsMode,
      ]),
    ),
  );
}

type Instance = WorkloadState["instances"][number];

/** "3", or who of them is not simply there: "3 (1 disconnected, 1 draining, 1 held)". */
function formatInstances(instances: readonly Instance[]): string {
  const odd = [
    [instances.filter(({ state }) => state === "disconnected").length, "disconnected"],
    [instances.filter(({ isDraining }) => isDraining === true).length, "draining"],
    [instances.filter(({ holdId }) => holdId !== undefined).length, "held"],
  ] as const;
  const words = odd.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${instances.length}${words.length === 0 ? "" : ` (${words.join(", ")})`}`;
}

/** The reason of the first that is not well; `-`: nobody checks them. */
function formatHealth(instances: readonly Instance[]): string {
  const checked = instances.flatMap(({ health }) => health ?? []);
  const unwell = checked.filter(({ status }) => status !== "healthy");
  const [first] = unwell;
  if (checked.length === 0) return "-";
  if (first === undefined) return "healthy";
  return `${unwell.length} of ${instances.length} ${first.status}: ${first.reason ?? "no reason given"}`;
}

function parseKind(text: string): ResourceKind {
  const wanted = text.toLowerCase();
  const found =
    SHORT_NAMES[wanted] ??
    ResourceKind.options.find((kind) =>
      [kind.toLowerCase(), `${kind.toLowerCase()}s`, plural(kind)].includes(wanted),
    );
  if (found !== undefined) return found;
  throw new UsageError(`kind "${text}": expected ${ResourceKind.options.join(", ")}`);
}

/** As kubectl knows Istio's kinds. */
const SHORT_NAMES: Readonly<Record<string, ResourceKind>> = {
  vs: "VirtualService",
  dr: "DestinationRule",
  se: "ServiceEntry",
  we: "WorkloadEntry",
  wg: "WorkloadGroup",
  pa: "PeerAuthentication",
  ap: "AuthorizationPolicy",
  ra: "RequestAuthentication",
  svc: "Service",
};

/** WorkloadEntry: `workloadentries`. */
function plural(kind: string): string {
  return kind.toLowerCase().replace(/y$/, "ies");
}
