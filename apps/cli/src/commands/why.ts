import { DenialsResponse, TraceResponse, WhyResponse } from "@heddle/contracts";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";
import { explainTrace } from "../explain/explain-trace.ts";
import { formatTable } from "../print/table.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";

type WhyOptions = OutputOptions & {
  readonly from?: string;
  readonly to?: string;
  readonly namespace: string;
  readonly method: string;
  readonly path: string;
  readonly host?: string;
  readonly port?: number;
};
type DenialOptions = OutputOptions & {
  readonly namespace?: string;
  readonly window: number;
};

/** `heddle why`, `heddle denials`: what stood against a request. */
export function addWhyCommands(program: Command): void {
  withOutput(program.command("why"))
    .description("explain one request: by its trace, or what the rules would say to it")
    .argument("[trace-id]", "of a request that was made (32 hex digits, or a traceparent)")
    .option("--from <caller>", "[namespace/]workload, or an address for a caller without sidecar")
    .option("--to <workload>", "[namespace/]workload that is called")
    .option("-n, --namespace <namespace>", "for names without one", "default")
    .option("--method <method>", "of the request", "GET")
    .option("--path <path>", "of the request", "/")
    .option("--host <host>", "of the request")
    .addOption(new Option("--port <port>", "of the app").argParser(wholeNumber(1, 65_535)))
    .action(async (traceId: string | undefined, options: WhyOptions) => {
      if (traceId !== undefined) await explainByTrace(traceId, options);
      else await explainByRules(options);
    });
  withOutput(program.command("denials"))
    .description("list who was not let in, by caller, rule and kind of request")
    .argument("[workload]", "[namespace/]workload that was called")
    .option("-n, --namespace <namespace>", "only calls into it")
    .addOption(
      new Option("--window <duration>", "how far back, at most 24h")
        .argParser(parseDurationMs)
        .default(3_600_000, "1h"),
    )
    .action(async (workload: string | undefined, options: DenialOptions) => {
      const target =
        workload === undefined ? undefined : parseTarget(workload, options.namespace ?? "default");
      const answer = await (await openApi()).ask(DenialsResponse, "/denials", {
        query: {
          windowMs: options.window,
          namespace: target?.namespace ?? options.namespace,
          workload: target?.name,
        },
      });
      print(options, answer, formatDenials);
    });
}

async function explainByTrace(text: string, options: WhyOptions): Promise<void> {
  const traceId = /^(?:00-)?([0-9a-f]{32})(?:-|$)/i.exec(text)?.[1]?.toLowerCase();
  if (traceId === undefined) {
    throw new UsageError(`"${text}": expected a trace id of 32 hex digits, or a traceparent`);
  }
  const trace = await (await openApi()).ask(TraceResponse, `/traces/${traceId}`);
  print(options, trace, (one) => explainTrace(one).join("\n"));
}

async function explainByRules(options: WhyOptions): Promise<void> {
  const { from, to, namespace, method, path, host, port } = options;
  if (from === undefined || to === undefined) {
    throw new UsageError("name a trace id, or a request by --from and --to");
  }
  const target = parseTarget(to, namespace);
  const isAddress = /^[0-9.]+$|:/.test(from);
  const caller = isAddress ? undefined : parseTarget(from, namespace);
  const answer = await (await openApi()).ask(WhyResponse, "/why", {
    method: "POST",
    body: {
      source: caller ? { namespace: caller.namespace, workload: caller.name } : { address: from },
      destination: { namespace: target.namespace, workload: target.name },
      method,
      path,
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
    },
  });
  print(options, answer, formatWhy);
}

function formatWhy({ summary, mtls, rules }: WhyResponse): string {
  const from = mtls.policy === undefined ? "the default" : `PeerAuthentication ${mtls.policy}`;
  const lines = rules.map(({ policy, rule, action, isShadow, isMatch, failed }) => {
    const fields = failed.map(
      ({ field, wanted, seen }) => `${field} wants ${wanted.join(" or ")}, is ${seen}`,
    );
    const outcome = isMatch ? "matches" : fields.join("; ") || "does not match";
    return `  ${action}${isShadow ? " (shadow)" : ""} ${policy} rule ${rule}: ${outcome}`;
  });
  return [summary, `mTLS: ${mtls.mode}, by ${from}.`, ...lines].join("\n");
}

function formatDenials({ denials, isTruncated }: DenialsResponse): string {
  if (denials.length === 0) return "Nobody was denied in this window.";
  const table = formatTable(
    ["ID", "FROM", "TO", "REQUEST", "BY", "COUNT", "LAST"],
    denials.map((one) => [
      one.id,
      one.source.workload === undefined
        ? (one.source.address ?? "unknown")
        : `${one.source.namespace}/${one.source.workload}`,
      `${one.destination.namespace}/${one.destination.workload}`,
      `${one.method} ${one.path}`,
      `${one.policy === undefined ? `no ALLOW rule${one.nearest ? `; nearest ${one.nearest.policy} rule ${one.nearest.rule}: ${one.fields.join(", ")}` : ""}` : `DENY ${one.policy} rule ${one.rule}`}${one.effect === "would-deny" ? " (shadow)" : ""}`,
      String(one.count),
      new Date(one.lastSeenMs).toISOString().slice(0, 19),
    ]),
  );
  return isTruncated ? `${table}\nThere were more kinds than these.` : table;
}
