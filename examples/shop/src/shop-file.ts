import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";

const Share = z.number().min(0).max(1);
const RatePerSecond = z.number().positive().max(10_000);

const Call = z.strictObject({
  to: z.string(),
  /** Of the caller's requests, this share makes the call. */
  share: Share,
  /** The caller answers 502 when the call fails. */
  isRequired: z.boolean().default(false),
});

/** WebSocket sessions that begin at a steady rate. */
const Sessions = z.strictObject({
  to: z.string(),
  ratePerSecond: RatePerSecond,
  lastsMs: z.number().int().min(100).max(60_000),
  messagesPerSecond: z.number().positive().max(1000),
});

/** What it takes: `tailShare` of the requests take `tailMs`, the others ± 25 % of the median. */
const Latency = z.strictObject({
  medianMs: z.number().min(0),
  tailMs: z.number().min(0),
  tailShare: Share,
});

const Version = z.strictObject({
  /** Of its service's requests, as the mesh's documents route them. */
  share: Share.default(1),
  /** Which proxy hosts it; default: the service's. */
  proxy: z.string().optional(),
  /** Beside its calls. */
  latency: Latency.default({ medianMs: 0, tailMs: 0, tailShare: 0 }),
  errorShare: Share.default(0),
  calls: z.array(Call).default([]),
  sessions: z.array(Sessions).default([]),
});

/** `websocket`: HTTP that answers upgrades. */
const Speaks = z.enum(["http", "grpc", "tcp", "websocket"]);

const ShopFile = z.strictObject({
  namespace: z.string(),
  load: z.strictObject({ from: z.string(), ratePerSecond: RatePerSecond }),
  legacy: z
    .strictObject({
      name: z.string(),
      address: z.ipv4(),
      calls: z.string(),
      ratePerSecond: RatePerSecond,
    })
    .optional(),
  /** HTTP services outside the mesh, by host name. */
  external: z
    .record(
      z.string().regex(/\../, "expected a host name with a dot, such as tax.example"),
      z.strictObject({ latency: Latency }),
    )
    .default({}),
  services: z.record(
    z.string(),
    z.strictObject({
      speaks: Speaks.default("http"),
      proxy: z.string().optional(),
      versions: z.record(z.string(), Version),
    }),
  ),
});

export type ShopFile = z.infer<typeof ShopFile>;
export type ShopProtocol = z.infer<typeof Speaks>;
export type ShopVersion = z.infer<typeof Version>;

/** Reads and checks a shop file; throws one Error that names every fault. */
export function readShopFile(path: string): ShopFile {
  const parsed = ShopFile.safeParse(parse(readFileSync(path, "utf8")));
  if (!parsed.success) throw new Error(`${path}:\n${z.prettifyError(parsed.error)}`);
  const shop = parsed.data;
  const named = [shop.load.from, shop.legacy?.calls].filter((name) => name !== undefined);
  const called = shopWorkloads(shop).flatMap(({ behaviour }) =>
    [...behaviour.calls, ...behaviour.sessions].map(({ to }) => to),
  );
  for (const name of [...named, ...called]) {
    const isThere = name in shop.services || (called.includes(name) && name in shop.external);
    if (!isThere) throw new Error(`${path}: no service is named ${name}`);
  }
  for (const { behaviour } of shopWorkloads(shop)) {
    for (const { to } of behaviour.sessions) {
      if (shop.services[to]?.speaks === "websocket") continue;
      throw new Error(`${path}: sessions go to ${to}, which does not speak websocket`);
    }
  }
  return shop;
}

/** One version of one service, and the proxy that hosts it. */
export type ShopWorkload = {
  readonly service: string;
  readonly speaks: ShopProtocol;
  readonly version: string;
  readonly workload: string;
  readonly proxy: string;
  readonly behaviour: ShopVersion;
};

/** Every workload of the shop; throws for one that no proxy hosts. */
export function shopWorkloads(shop: ShopFile): ShopWorkload[] {
  return Object.entries(shop.services).flatMap(([service, { speaks, proxy, versions }]) =>
    Object.entries(versions).map(([version, behaviour]) => {
      const host = behaviour.proxy ?? proxy;
      if (host === undefined) throw new Error(`${service} ${version}: no proxy is named for it`);
      return {
        service,
        speaks,
        version,
        workload: `${service}-${version.replaceAll(".", "-")}`,
        proxy: host,
        behaviour,
      };
    }),
  );
}
