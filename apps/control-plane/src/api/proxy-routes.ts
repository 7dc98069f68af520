import {
  ListedProxiesResponse,
  type ListedProxy,
  type ProblemCode,
  ProxyConfigPart,
  ProxyConfigResponse,
  ProxyDetail,
  type ProxyState,
} from "@heddle/contracts";
import { z } from "zod";
import packageJson from "../../package.json" with { type: "json" };
import { bypassesAt } from "../bypass/describe-bypass.ts";
import { workloadKeyOf } from "../registry/instance.ts";
import type { KnownProxy } from "../registry/registry-table.ts";
import { askOwner } from "../replicas/ask-owner.ts";
import { NotFoundError } from "../revisions/change-errors.ts";
import { describeConfig } from "../stream/describe-config.ts";
import { ProxyNotAnsweringError } from "../stream/dump-requests.ts";
import { describeSkew } from "../stream/version-skew.ts";
import { ApiRoutes } from "./api-routes.ts";
import { readParams, readQuery } from "./input.ts";
import type { ApiParts } from "./parts.ts";

const ProxyPath = z.object({ id: z.string() });
const CONFIG_REFUSALS = [
  "HEDDLE_NOT_FOUND",
  "HEDDLE_PROXY_NOT_CONNECTED",
  "HEDDLE_PROXY_BUSY",
  "HEDDLE_PROXY_SILENT",
] as const satisfies readonly ProblemCode[];
const ConfigQuery = z.object({ part: ProxyConfigPart.default("all") });
const ListQuery = z.object({ kinds: z.enum(["true", "false"]).optional() });
const SHOWN_AFTER_LOSS_MS = 3_600_000; // a proxy that was lost stays in the list for an hour

/** The proxies: whether they run what they were sent, and what they really run. */
export function proxyRoutes(parts: ApiParts) {
  const { registry, hub, mesh } = parts;
  return new ApiRoutes()
    .get(
      "/proxies",
      {
        summary: "List the proxies and what they run",
        description: "With `kinds=true` each also tells its state by kind of resource.",
        role: "viewer",
        query: ListQuery,
        answer: ListedProxiesResponse,
      },
      (context) => {
        const { kinds } = readQuery(context, ListQuery);
        const nowMs = Date.now();
        const stages = parts.stage.stages();
        const shown = [...registry.proxies()].filter(
          (proxy) =>
            !proxy.hasLeft &&
            (proxy.isConnected || proxy.lastSeenAtMs > nowMs - SHOWN_AFTER_LOSS_MS),
        );
        const proxies = shown.map((proxy): ListedProxy => {
          const session = kinds === "true" ? hub.find(proxy.id) : undefined;
          return { ...toProxy(parts, proxy, stages), ...(session && { kinds: session.kinds() }) };
        });
        proxies.sort((a, b) => (a.name < b.name ? -1 : 1));
        const answer: ListedProxiesResponse = { proxies };
        return context.json(answer);
      },
    )
    .get(
      "/proxies/:id",
      {
        summary: "Show how a proxy stands with what it was sent",
        role: "viewer",
        params: ProxyPath,
        answer: ProxyDetail,
        refusals: ["HEDDLE_NOT_FOUND"],
      },
      async (context) => {
        const proxy = getProxy(parts, readParams(context, ProxyPath).id);
        const session = hub.find(proxy.id);
        const told = session ? undefined : await askOwner(parts, context, ownerOf(proxy));
        if (told) return told;
        const answer: ProxyDetail = {
          ...toProxy(parts, proxy),
          controlPlaneVersion: packageJson.version,
          lastSeenAtMs: proxy.lastSeenAtMs,
          kinds: session?.kinds() ?? [],
          refused: [...(session?.refused ?? [])],
          destinations: [...(session?.view.resolutions.values() ?? [])],
        };
        return context.json(answer);
      },
    )
    .get(
      "/proxies/:id/config",
      {
        summary: "Ask a proxy what it really runs",
        description:
          "The proxy answers itself, over its stream. Keys, settings of filters and values of headers are never told.",
        role: "viewer",
        params: ProxyPath,
        query: ConfigQuery,
        answer: ProxyConfigResponse,
        refusals: CONFIG_REFUSALS,
      },
      async (context) => {
        const proxy = getProxy(parts, readParams(context, ProxyPath).id);
        const { part } = readQuery(context, ConfigQuery);
        const session = hub.find(proxy.id);
        const told = session ? undefined : await askOwner(parts, context, ownerOf(proxy));
        if (told) return told;
        if (!session) throw new ProxyNotAnsweringError(proxy.id, "away");
        if (!session.features.has("dump")) throw new ProxyNotAnsweringError(proxy.id, "old");
        const startedAt = performance.now();
        const asked = await session.dumps.ask();
        if (asked.kind !== "answered") throw new ProxyNotAnsweringError(proxy.id, asked.kind);
        const answerMs = Math.round((performance.now() - startedAt) * 10) / 10;
        const hosted = registry.instancesOfProxy(proxy.id);
        const answer: ProxyConfigResponse = {
          proxyId: proxy.id,
          name: proxy.name,
          version: proxy.version,
          answeredAtMs: Date.now(),
          answerMs,
          ...describeConfig(part, asked, { view: session.view, mesh, hosted }),
        };
        return context.json(answer);
      },
    );
}

/** The control plane that has its stream now. */
function ownerOf({ isConnected, replicaId }: KnownProxy): string | undefined {
  return isConnected ? replicaId : undefined;
}

function getProxy({ registry }: ApiParts, id: string): KnownProxy {
  const proxy = registry.findProxy(id);
  if (proxy) return proxy;
  throw new NotFoundError(`no proxy has the id "${id}"; GET /api/v1/proxies lists them`);
}

function toProxy(parts: ApiParts, proxy: KnownProxy, stages = parts.stage.stages()): ProxyState {
  const { registry, hub, mesh, reports } = parts;
  const session = hub.find(proxy.id);
  const hosted = registry.instancesOfProxy(proxy.id);
  const workloads = hosted.map(workloadKeyOf).sort();
  const bypasses = bypassesAt(hosted, mesh.snapshot, Date.now());
  const skew = describeSkew(proxy.version, packageJson.version);
  const about = {
    proxyId: proxy.id,
    name: proxy.name,
    version: proxy.version,
    ...(skew === undefined ? {} : { warnings: [skew] }),
    workloads,
    ...(bypasses.length === 0 ? {} : { bypasses }),
  };
  if (session) {
    const push = stages.get(proxy.id);
    return { ...about, connected: true, ...session.status(), ...(push && { push }) };
  }
  const told = reports.statusOf(proxy.id);
  if (told) return { ...about, connected: true, ...told };
  return {
    ...about,
    connected: proxy.isConnected, // to another control plane
    sync: "NOT SENT", // nothing was sent from here
    sinceMs: proxy.lastSeenAtMs,
    sentRevision: 0,
    ackedRevision: 0,
  };
}
