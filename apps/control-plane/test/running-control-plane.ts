import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { ApplyResponse, Problem, TokenCreateResponse } from "@heddle/contracts";
import { createLogger, type Principal, signToken } from "@heddle/runtime";
import type { ControlPlaneConfig } from "../src/config.ts";
import { type ControlPlane, startControlPlane } from "../src/control-plane.ts";

export const AUTH_SECRET = "auth-secret-of-the-tests-0123456789";
export const CA_SECRET = "ca-secret-of-the-tests-0123456789ab";

/** An answer of the API: its status, and its body as the caller expects it. */
export type Answer<Body> = { readonly status: number; readonly body: Body };

/** A control plane on free ports, with a client for its API. */
export type RunningControlPlane = ControlPlane & {
  readonly trustDomain: string;
  call<Body = Problem>(method: string, path: string, body?: object): Promise<Answer<Body>>;
  callAs<Body = Problem>(
    role: Principal["role"] | undefined,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body>>;
  apply<Body = ApplyResponse>(yaml: string, more?: object): Promise<Answer<Body>>;
  joinToken(options?: { workload?: string; maxUses?: number; namespace?: string }): Promise<string>;
  /** Stops it and starts it again on the same ports and database. */
  restart(options?: { readonly meanwhile?: () => Promise<void> }): Promise<void>;
};

export async function runControlPlane(
  t: TestContext,
  databaseUrl: string,
  more: Partial<ControlPlaneConfig> = {},
): Promise<RunningControlPlane> {
  const settings: ControlPlaneConfig = {
    databaseUrl,
    authSecret: AUTH_SECRET,
    caSecret: CA_SECRET,
    trustDomain: "cluster.local",
    bindAddress: "127.0.0.1",
    proxyBindAddress: "127.0.0.1",
    controlNames: [],
    controlPort: 0,
    adminPort: 0,
    logLevel: "fatal",
    blockedKeyCidrs: [],
    maxEndpointLossPercent: 50,
    registryDirectory: undefined,
    push: { mode: "canaried", windowMs: 1000 },
    certificateTtlSeconds: 3600,
    caRootTtlSeconds: 3650 * 86_400,
    caIntermediateTtlSeconds: 365 * 86_400,
    caFiles: undefined,
    access: {
      sessions: { idleMs: 3_600_000, maxMs: 86_400_000 },
      auditRetentionDays: 30,
      oidc: undefined,
    },
    ...more,
  };
  const logger = createLogger("control-plane", settings.logLevel);
  let running = await startControlPlane(settings, logger);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= running.close();
    return closing;
  };
  t.after(close);
  const callAs = async <Body>(
    role: Principal["role"] | undefined,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body>> => {
    const token = role && (await tokenFor("api", role));
    const response = await fetch(`http://127.0.0.1:${running.adminPort}/api/v1${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Body };
  };
  return {
    get adminPort() {
      return running.adminPort;
    },
    get controlPort() {
      return running.controlPort;
    },
    trustDomain: settings.trustDomain,
    callAs,
    call: (method, path, body) => callAs("admin", method, path, body),
    apply: (yaml, extra) => callAs("operator", "POST", "/apply", { yaml, ...extra }),
    joinToken: async (options = {}) => {
      const request = { namespace: "shop", maxUses: 100, ...options };
      const { body } = await callAs<TokenCreateResponse>("admin", "POST", "/tokens", request);
      return body.token;
    },
    restart: async ({ meanwhile } = {}) => {
      const { adminPort, controlPort } = running;
      await running.close();
      await meanwhile?.();
      running = await startControlPlane({ ...settings, adminPort, controlPort }, logger);
    },
    close,
  };
}

export function tokenFor(kind: "api" | "login" | "session", role: Principal["role"], name = "ada") {
  const subject = { name, role, tokenId: randomUUID() };
  return signToken(AUTH_SECRET, kind, subject, 600, Date.now());
}
