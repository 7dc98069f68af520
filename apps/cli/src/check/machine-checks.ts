import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { PortTakenError } from "@heddle/runtime";
import { findEmbeddedPostgresPid } from "@heddle/store";
import type { UpPorts } from "../config.ts";
import { requireFreePorts } from "../up/ports.ts";
import type { Finding } from "./finding.ts";

const NODE_MAJOR = 26;

export function checkNode(version: string): Finding {
  const what = `Node ${version}`;
  if (Number(version.split(".")[0]) >= NODE_MAJOR) return { state: "ok", what };
  const advice = `Heddle runs on its own Node ${NODE_MAJOR}: run npm ci, then npx heddle`;
  return { state: "fail", what, advice };
}

/** The folder of a local mesh: secrets only for their owner, database there. */
export function checkHome(homeDir: string | undefined): Finding[] {
  if (homeDir === undefined || !existsSync(homeDir)) {
    return [{ state: "warn", what: "no .heddle from here upwards", advice: "run heddle up" }];
  }
  const files = ["secrets.json", "credentials.json"].map((name) => join(homeDir, name));
  return [
    ...files.filter((file) => existsSync(file)).map(checkPrivate),
    ...(existsSync(join(homeDir, "postgres")) ? [checkDatabaseProcess(homeDir)] : []),
  ];
}

function checkPrivate(file: string): Finding {
  const mode = statSync(file).mode & 0o777;
  const what = `${file} has mode ${mode.toString(8).padStart(4, "0")}`;
  if ((mode & 0o077) === 0) return { state: "ok", what };
  return { state: "fail", what, advice: `others can read it: chmod 600 ${file}` };
}

function checkDatabaseProcess(homeDir: string): Finding {
  const pid = findEmbeddedPostgresPid(join(homeDir, "postgres"));
  if (pid !== undefined) return { state: "ok", what: `embedded PostgreSQL runs (process ${pid})` };
  return {
    state: "warn",
    what: "embedded PostgreSQL does not run",
    advice: `see ${join(homeDir, "logs/postgres.log")}, or run heddle up`,
  };
}

/** Whether `up` could start: nobody else holds one of its ports. */
export async function checkPorts(ports: UpPorts): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of Object.keys(ports) as (keyof UpPorts)[]) {
    const others = (Object.keys(ports) as (keyof UpPorts)[]).filter((other) => other !== name);
    try {
      await requireFreePorts(ports, () => false, others);
    } catch (error) {
      if (!(error instanceof PortTakenError)) throw error;
      findings.push({ state: "warn", what: error.message });
    }
  }
  return findings.length > 0 ? findings : [{ state: "ok", what: "all ports are free" }];
}
