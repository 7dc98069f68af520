import {
  LadderResponse,
  MtlsGuardResponse,
  MtlsGuardsResponse,
  MtlsModeWire,
  MtlsSetResponse,
  PreflightResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { HeddleError } from "@heddle/runtime";
import { type Command, InvalidArgumentError } from "commander";
import { GuardEndedError, UsageError } from "../errors.ts";
import {
  formatGuard,
  formatGuards,
  formatLadder,
  formatModes,
  formatPreflight,
} from "../print/mtls-tables.ts";
import { formatApplied } from "./apply.ts";
import {
  type OutputOptions,
  openApi,
  parseTarget,
  print,
  wholeNumber,
  withOutput,
} from "./command-kit.ts";
import { parseDurationMs } from "./graph.ts";
import { untilGuardEnds } from "./watch-guard.ts";

type TargetOptions = OutputOptions & { readonly namespace: string };
type WindowOptions = OutputOptions & { readonly namespace?: string; readonly window: number };
type SetOptions = TargetOptions & {
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly guard?: number;
  readonly maxRefusals?: number;
  readonly wait: boolean;
  readonly watch?: boolean;
};

const DEFAULT_MAX_REFUSALS = 5;
const HOUR_MS = 3_600_000;
const WINDOW = "how far back, 5m to 7d";

/** `heddle mtls`: what workloads demand of their callers, and the way to STRICT. */
export function addMtlsCommands(program: Command): void {
  const mtls = program
    .command("mtls")
    .description("what workloads demand of their callers, and the way to STRICT");
  addReading(mtls);
  addSet(mtls);
  addGuards(mtls);
}

function addReading(mtls: Command): void {
  withOutput(mtls.command("get"))
    .description("list modes")
    .argument("[workload]", "[namespace/]workload")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .action(async (workload: string | undefined, options: TargetOptions) => {
      const all = await (await openApi()).ask(WorkloadsResponse, "/workloads");
      const target = workload === undefined ? undefined : parseTarget(workload, options.namespace);
      const workloads = all.workloads.filter(
        (one) =>
          target === undefined || (one.namespace === target.namespace && one.name === target.name),
      );
      if (target !== undefined && workloads.length === 0) {
        throw new HeddleError(
          "HEDDLE_NOT_FOUND",
          `there is no workload ${target.namespace}/${target.name}`,
        );
      }
      print(options, { workloads }, formatModes);
    });
  withOutput(mtls.command("ladder"))
    .description(
      "where each workload stands between plaintext and STRICT for all, and what to do next",
    )
    .option("-n, --namespace <namespace>", "only this one")
    .option("--window <duration>", WINDOW, parseDurationMs, HOUR_MS)
    .action(async (options: WindowOptions) => {
      const query = { namespace: options.namespace, windowMs: options.window };
      const answer = await (await openApi()).ask(LadderResponse, "/mtls/ladder", { query });
      print(options, answer, formatLadder);
    });
  withOutput(mtls.command("preflight"))
    .description("who sends a workload what STRICT would refuse")
    .argument("<workload>", "[namespace/]workload, or namespace/ for all of one")
    .option("-n, --namespace <namespace>", "its namespace", "default")
    .option("--window <duration>", WINDOW, parseDurationMs, 24 * HOUR_MS)
    .action(async (text: string, options: WindowOptions & { readonly namespace: string }) => {
      const namespace = namespaceOf(text);
      const target = namespace === undefined ? parseTarget(text, options.namespace) : undefined;
      const query = {
        namespace: namespace ?? target?.namespace,
        workload: target?.name,
        windowMs: options.window,
      };
      const answer = await (await openApi()).ask(PreflightResponse, "/mtls/preflight", { query });
      print(options, answer, (one) => formatPreflight(one, Date.now()));
    });
}

function addSet(mtls: Command): void {
  withOutput(mtls.command("set"))
    .description("set a mode: STRICT refuses plaintext, PERMISSIVE takes both")
    .argument("<target>", "[namespace/]workload, namespace/ or mesh")
    .argument("<mode>", MtlsModeWire.options.join(", "), parseMode)
    .option("-n, --namespace <namespace>", "the workload's namespace", "default")
    .option("--reason <text>", "why, kept in the history")
    .option("--dry-run", "with PERMISSIVE: count what STRICT would refuse, refuse nothing")
    .option(
      "--guard <duration>",
      "with STRICT: take it back if too many are refused in this time",
      parseDurationMs,
    )
    .option(
      "--max-refusals <n>",
      `how many refusals the guard lets pass (default: ${DEFAULT_MAX_REFUSALS})`,
      wholeNumber(0, 1_000_000),
    )
    .option("--watch", "say how the guard stands until it ends")
    .option("--no-wait", "do not wait for the guard's end")
    .action(async (target: string, mode: string, options: SetOptions) => {
      await setMode(target, mode, options);
    });
}

async function setMode(target: string, mode: string, options: SetOptions): Promise<void> {
  const { dryRun, guard: windowMs, maxRefusals, reason } = options;
  if (maxRefusals !== undefined && windowMs === undefined) {
    throw new UsageError("--max-refusals goes with --guard: without a guard nobody counts");
  }
  const api = await openApi();
  const answer = await api.ask(MtlsSetResponse, pathOf(target, options.namespace), {
    method: "PUT",
    body: {
      mode,
      source: "cli",
      ...(dryRun === true && { dryRun }),
      ...(windowMs !== undefined && {
        guard: { windowMs, maxRefusals: maxRefusals ?? DEFAULT_MAX_REFUSALS },
      }),
      ...(reason === undefined ? {} : { reason }),
    },
  });
  const { guard } = answer;
  if (!guard || !options.wait) {
    print(options, answer, (one) =>
      guard ? `${formatApplied(one)}\nguard ${guard.id}: ${guard.words}` : formatApplied(one),
    );
    return;
  }
  if (options.output === "table") process.stdout.write(`${formatApplied(answer)}\n`);
  const tell = (words: string) => process.stderr.write(`${words}\n`);
  const ended = await untilGuardEnds(api, guard, options.watch === true ? tell : () => {});
  print(options, { ...answer, guard: ended }, () => ended.words);
  if (ended.status !== "held") throw new GuardEndedError(ended.status);
}

function addGuards(mtls: Command): void {
  const guards = withOutput(mtls.command("guards"))
    .description("list guarded flips: those that run, and how the last ones ended")
    .action(async (options: OutputOptions) => {
      const answer = await (await openApi()).ask(MtlsGuardsResponse, "/mtls/guards");
      print(options, answer, (one) => formatGuards(one, Date.now()));
    });
  withOutput(guards.command("cancel"))
    .description("stop watching; STRICT stays")
    .argument("<id>", "as `heddle mtls guards` lists it")
    .action(async (id: string, options: OutputOptions) => {
      const path = `/mtls/guards/${encodeURIComponent(id)}`;
      const answer = await (await openApi()).ask(MtlsGuardResponse, path, { method: "DELETE" });
      print(options, answer, ({ guard }) => formatGuard(guard));
    });
}

/** `shop/` is a namespace; `undefined`: it is not written so. */
function namespaceOf(text: string): string | undefined {
  return /^([^/]+)\/$/.exec(text)?.[1];
}

function pathOf(text: string, defaultNamespace: string): string {
  if (text === "mesh") return "/mtls";
  const scope = namespaceOf(text);
  if (scope !== undefined) return `/mtls/${encodeURIComponent(scope)}`;
  const { namespace, name } = parseTarget(text, defaultNamespace);
  return `/mtls/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

function parseMode(text: string): string {
  const mode = MtlsModeWire.safeParse(text.toUpperCase());
  if (mode.success) return mode.data;
  throw new InvalidArgumentError(`expected ${MtlsModeWire.options.join(", ")}`);
}
