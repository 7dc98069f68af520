import {
  type AuthorityState,
  IdentityResponse,
  RevocationResponse,
  RotationState,
  RotationsResponse,
} from "@heddle/contracts";
import { type Command, Option } from "commander";
import type { ApiClient } from "../api/api-client.ts";
import { UsageError } from "../errors.ts";
import { formatTable } from "../print/table.ts";
import { type OutputOptions, openApi, print, withOutput } from "./command-kit.ts";

const POLL_MS = 500;

type RotateOptions = OutputOptions & {
  readonly of: "root" | "intermediate";
  readonly step?: boolean;
  readonly force?: boolean;
  readonly wait: boolean;
  readonly reason?: string;
};

/** `heddle ca …`: who vouches for whom, and how that is replaced. */
export function addCaCommands(program: Command): void {
  const ca = program.command("ca").description("the mesh's certificate authority");
  withOutput(ca.command("status"))
    .description("authorities, alarms and the rotation under way")
    .action(async (options: OutputOptions) => {
      const answer = await (await openApi()).ask(IdentityResponse, "/identity");
      print(options, answer, formatStatus);
    });
  addRotate(ca);
  for (const act of ["pause", "resume", "abort"] as const) {
    withOutput(ca.command(act))
      .description(ACTS[act])
      .action(async (options: OutputOptions) => {
        const answer = await changeRotation(await openApi(), act);
        print(options, answer, ({ words }) => words);
      });
  }
  withOutput(ca.command("rescue"))
    .description("a new root at once, when the old one has ended")
    .option("--force", "though it has not: its key was stolen")
    .action(async (options: OutputOptions & { readonly force?: boolean }) => {
      const body = { force: options.force ?? false };
      const answer = await (await openApi()).ask(IdentityResponse, "/identity/rescue", {
        method: "POST",
        body,
      });
      print(options, answer, (identity) =>
        [
          formatStatus(identity),
          "",
          "Connected proxies renew by themselves. Give every other one a new join token (heddle token create).",
        ].join("\n"),
      );
    });
  addRevoke(ca);
}

const ACTS = {
  pause: "stop a rotation where it is",
  resume: "let a paused rotation go on",
  abort: "take a rotation back to the old authority, while that is possible",
} as const;

function addRotate(ca: Command): void {
  withOutput(ca.command("rotate"))
    .description("replace the root or the intermediate, or advance a rotation that waits")
    .addOption(
      new Option("--of <what>", "what to replace")
        .choices(["root", "intermediate"])
        .default("root"),
    )
    .option("--step", "stop after each step; `rotate` again goes on")
    .option("--force", "go on without the proxies that are waited for; they may have to join again")
    .option("--no-wait", "begin, and do not show the progress")
    .option("--reason <text>", "why, kept in the history")
    .action(async (options: RotateOptions) => {
      const api = await openApi();
      const { current } = await api.ask(RotationsResponse, "/identity/rotations");
      const begun = current
        ? await advance(api, current, options)
        : await api.ask(RotationState, "/identity/rotations", {
            method: "POST",
            body: {
              of: options.of,
              isStepwise: options.step ?? false,
              ...(options.reason === undefined ? {} : { reason: options.reason }),
            },
          });
      const ended = options.wait ? await follow(api, begun, options) : begun;
      print(options, ended, ({ words }) => words);
      if (ended.step === "aborted") process.exitCode = 1;
    });
}

function addRevoke(ca: Command): void {
  withOutput(ca.command("revoke"))
    .description("take certificates back: every proxy is told at once")
    .option("--serial <hex>", "this certificate")
    .option("--proxy <id>", "all of this proxy, which is put out of the mesh")
    .option("--workload <namespace/name>", "all of this workload, which gets others")
    .requiredOption("--reason <text>", "why, kept with them")
    .action(
      async (
        options: OutputOptions & {
          readonly serial?: string;
          readonly proxy?: string;
          readonly workload?: string;
          readonly reason: string;
        },
      ) => {
        const { serial, proxy, workload, reason } = options;
        const given = [serial, proxy, workload].filter((one) => one !== undefined);
        if (given.length !== 1) throw new UsageError("give one of --serial, --proxy, --workload");
        const answer = await (await openApi()).ask(
          RevocationResponse,
          "/certificates/revocations",
          {
            method: "POST",
            body: {
              reason,
              ...(serial === undefined ? {} : { serialNumber: serial.toLowerCase() }),
              ...(proxy === undefined ? {} : { proxyId: proxy }),
              ...(workload === undefined ? {} : { workload }),
            },
          },
        );
        print(options, answer, ({ certificatesRevoked, proxiesDisconnected }) =>
          [
            `${certificatesRevoked} certificates revoked`,
            ...(proxiesDisconnected === 0 ? [] : [`${proxiesDisconnected} proxies put out`]),
          ].join(", "),
        );
      },
    );
}

/** One that is under way goes on: by force, or because it stopped for somebody to look. */
async function advance(
  api: ApiClient,
  current: RotationState,
  { force = false }: RotateOptions,
): Promise<RotationState> {
  const waitsForUs = current.isStepwise && current.isReady && current.step !== "reverting";
  if (!force && !waitsForUs) return current; // only watched
  return changeRotation(api, "advance", { force });
}

function changeRotation(api: ApiClient, act: string, body: object = {}): Promise<RotationState> {
  return api.ask(RotationState, `/identity/rotations/${act}`, { method: "POST", body });
}

/** Prints each change of progress until the rotation ends, waits for somebody, or is paused. */
async function follow(
  api: ApiClient,
  begun: RotationState,
  options: OutputOptions,
): Promise<RotationState> {
  let last = "";
  for (;;) {
    const { current, past } = await api.ask(RotationsResponse, "/identity/rotations");
    const rotation = [current, ...past].find((one) => one?.id === begun.id) ?? begun;
    const isOver = rotation.finishedAtMs !== undefined;
    const isStopped = rotation.isStepwise && rotation.isReady && rotation.step !== "reverting";
    if (isOver || rotation.isPaused || isStopped) return rotation;
    if (rotation.words !== last && options.output !== "json") {
      process.stderr.write(`${rotation.words}\n`);
    }
    last = rotation.words;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function formatStatus({
  trustDomain,
  authorities,
  alarms,
  certificates,
  rotation,
}: IdentityResponse) {
  const shown = authorities.filter(({ state }) => state !== "retired");
  const table = formatTable(
    ["ID", "ROLE", "STATE", "KEY", "IN USE BY", "ENDS", "SUBJECT"],
    shown.map((one) => [
      String(one.id),
      one.role,
      one.state,
      one.key,
      `${one.certificatesInUse}`,
      new Date(one.notAfterMs).toISOString().slice(0, 16),
      subjectOf(one),
    ]),
  );
  const { inUse, renewalOverdue, revoked } = certificates;
  return [
    `trust domain ${trustDomain}: ${inUse} certificates in use, ${renewalOverdue} overdue, ${revoked} revoked`,
    table,
    ...(rotation === undefined ? [] : [`rotation of the ${rotation.of}, ${rotation.words}`]),
    ...alarms.map(({ severity, message, advice }) => `${severity}: ${message} (${advice})`),
  ].join("\n");
}

function subjectOf({ subject }: AuthorityState): string {
  return subject.replaceAll("\n", ", ");
}
