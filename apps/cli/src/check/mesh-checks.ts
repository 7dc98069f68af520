import {
  AnalysisResponse,
  GraphSnapshot,
  HoldsResponse,
  IdentityResponse,
  MeResponse,
  ProxiesResponse,
  RegistrySourcesResponse,
  RevisionsResponse,
  StatusResponse,
  WorkloadsResponse,
} from "@heddle/contracts";
import { toHeddleError } from "@heddle/runtime";
import type { ApiClient } from "../api/api-client.ts";
import type { Finding } from "./finding.ts";

const DAY_MS = 86_400_000;
const MAX_CLOCK_DIFFERENCE_MS = 5000;
/** Leaf certificates are renewed long before; closer than this, renewing does not work. */
const CERTIFICATE_MARGIN_MS = 5 * 60_000;

/** The parts of a running mesh, each asked through the console as everyone does. */
export async function checkMesh(
  openApi: () => Promise<ApiClient>,
  nowMs: number,
): Promise<Finding[]> {
  try {
    const api = await openApi();
    const me = await api.ask(MeResponse, "/me");
    return [
      checkToken(me, nowMs, api.apiUrl),
      ...(await attempt("control plane", () => checkControlPlane(api))),
      ...(await attempt("database", () => checkDatabase(api))),
      ...(await attempt("collector", () => checkCollector(api, nowMs))),
      ...(await attempt("proxies", () => checkProxies(api))),
      ...(await attempt("registry", () => checkRegistry(api))),
      ...(await attempt("certificates", () => checkCertificates(api, nowMs))),
      ...(await attempt("authority", () => checkAuthority(api))),
      ...(await attempt("analysis", () => checkDocuments(api))),
    ];
  } catch (error) {
    return [{ state: "fail", what: `console: ${toHeddleError(error).message}` }];
  }
}

async function attempt(part: string, check: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    const advice = `see .heddle/logs/${part === "collector" ? "collector" : "control-plane"}.log`;
    return [{ state: "fail", what: `${part}: ${toHeddleError(error).message}`, advice }];
  }
}

function checkToken(me: MeResponse, nowMs: number, apiUrl: string): Finding {
  const days = Math.floor((me.expiresAtMs - nowMs) / DAY_MS);
  const what = `console at ${apiUrl}, logged in as ${me.name} (${me.role}) for ${days} more days`;
  if (days >= 3) return { state: "ok", what };
  return { state: "warn", what, advice: "heddle up renews the token at each start" };
}

async function checkControlPlane(api: ApiClient): Promise<Finding[]> {
  const status = await api.ask(StatusResponse, "/status");
  return [
    {
      state: "ok",
      what: `control plane ${status.version}, revision ${status.revision}, trust domain ${status.trustDomain}`,
    },
  ];
}

async function checkRegistry(api: ApiClient): Promise<Finding[]> {
  const { holds } = await api.ask(HoldsResponse, "/holds");
  const { workloads } = await api.ask(WorkloadsResponse, "/workloads");
  const { sources } = await api.ask(RegistrySourcesResponse, "/registry/sources");
  const unwell = workloads.flatMap(({ namespace, name, instances }) =>
    instances
      .filter(({ health }) => health?.status === "unhealthy")
      .map(({ health }) => `${namespace}/${name} is not well: ${health?.reason ?? "no reason"}`),
  );
  return [
    ...holds
      .filter(({ dismissed }) => dismissed === undefined)
      .map(({ words }): Finding => ({ state: "warn", what: words, advice: "heddle holds" })),
    ...sources.flatMap(({ name, faults }) =>
      faults.map(({ file, line, message }): Finding => {
        const place = [file, line].filter((part) => part !== undefined).join(":");
        const what = `${name}: ${place === "" ? "" : `${place}: `}${message}`;
        return { state: "warn", what, advice: "heddle sources" };
      }),
    ),
    ...unwell.map((what): Finding => ({ state: "warn", what, advice: "see the app's own log" })),
  ];
}

async function checkDatabase(api: ApiClient): Promise<Finding[]> {
  await api.ask(RevisionsResponse, "/revisions", { query: { limit: 1 } });
  return [{ state: "ok", what: "database answers the control plane" }];
}

async function checkCollector(api: ApiClient, nowMs: number): Promise<Finding[]> {
  const startedMs = performance.now();
  const graph = await api.ask(GraphSnapshot, "/graph", {
    query: { windowMs: 30_000, view: "service" },
  });
  const differenceMs = Math.abs(graph.asOfMs - (nowMs + performance.now() - startedMs));
  const edges = `collector sees ${graph.edges.length} edges`;
  // nowMs was read before other parts were asked, so allow for the time that took.
  const isClockSound = differenceMs <= MAX_CLOCK_DIFFERENCE_MS;
  return [
    { state: "ok", what: edges },
    isClockSound
      ? { state: "ok", what: "clocks agree" }
      : {
          state: "warn",
          what: `the collector's clock differs from ours by ${Math.round(differenceMs / 1000)} s`,
          advice: "set both by NTP: certificates and windows depend on it",
        },
  ];
}

async function checkProxies(api: ApiClient): Promise<Finding[]> {
  const { proxies } = await api.ask(ProxiesResponse, "/proxies");
  if (proxies.length === 0) {
    const advice = "bring a service in: heddle run --service hello --port 9000 -- node server.js";
    return [{ state: "warn", what: "no proxy has joined", advice }];
  }
  const bad = proxies.flatMap((proxy): Finding[] => {
    const { name, sync, connected, lastNack } = proxy;
    if (sync === "ERROR") {
      return [
        { state: "fail", what: `proxy ${name} refused its configuration: ${lastNack ?? ""}` },
      ];
    }
    if (!connected) return [{ state: "warn", what: `proxy ${name} is not connected` }];
    return sync === "SYNCED" ? [] : [{ state: "warn", what: `proxy ${name} is ${sync}` }];
  });
  const synced = proxies.length - bad.length;
  return [{ state: "ok", what: `${synced} of ${proxies.length} proxies in sync` }, ...bad];
}

async function checkAuthority(api: ApiClient): Promise<Finding[]> {
  const { alarms, authorities } = await api.ask(IdentityResponse, "/identity");
  if (alarms.length === 0) {
    const ends = authorities
      .filter(({ state }) => state === "signing")
      .map((one) => one.notAfterMs);
    const day = new Date(Math.min(...ends)).toISOString().slice(0, 10);
    return [{ state: "ok", what: `certificate authority is good until ${day}` }];
  }
  return alarms.map(({ severity, message, advice }) => ({
    state: severity === "critical" ? "fail" : "warn",
    what: message,
    advice,
  }));
}

/** The mesh works with whatever is in force: what is odd about it is never a failure here. */
async function checkDocuments(api: ApiClient): Promise<Finding[]> {
  const { counts, findings } = await api.ask(AnalysisResponse, "/analysis");
  const { error, warning, info } = counts;
  const what = `documents in force: ${error} errors, ${warning} warnings, ${info} notes found`;
  if (error + warning === 0) return [{ state: "ok", what }];
  const [first] = findings;
  const advice = `heddle analyze shows them${first ? `; the first: ${first.code} ${first.resource}: ${first.why}` : ""}`;
  return [{ state: "warn", what, advice }];
}

async function checkCertificates(api: ApiClient, nowMs: number): Promise<Finding[]> {
  const { workloads } = await api.ask(WorkloadsResponse, "/workloads");
  const ends = workloads.flatMap(({ namespace, name, certificateNotAfterMs: endMs }) =>
    endMs === undefined ? [] : [{ name: `${namespace}/${name}`, endMs }],
  );
  const bad = ends
    .filter(({ endMs }) => endMs < nowMs + CERTIFICATE_MARGIN_MS)
    .map(({ name, endMs }): Finding => {
      const isOver = endMs < nowMs;
      return {
        state: isOver ? "fail" : "warn",
        what: `certificate of ${name} ${isOver ? "ended" : "ends"} ${new Date(endMs).toISOString()}`,
        advice: "its proxy renews it: is it connected?",
      };
    });
  if (bad.length > 0) return bad;
  return [{ state: "ok", what: `${ends.length} workload certificates are good` }];
}
