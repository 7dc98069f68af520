import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** The control plane's own metrics; istiod's names where it has them. */
export type ControlPlaneMetrics = ReturnType<typeof createMetrics>;

export function createMetrics(observe: {
  connectedProxies: () => number;
  revision: () => number;
  services: () => number;
  virtualServices: () => number;
  failingKeySources: () => number;
  sources: () => readonly {
    name: string;
    state: string;
    count: number;
    faults: readonly unknown[];
  }[];
  /** Those that ask. */
  holds: () => number;
  /** Those in use. */
  authorities: () => readonly { role: string; serial: string; notAfterMs: number }[];
  rotation: () => { of: string; step: string; waiting: number } | undefined;
}) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  const labelled = (
    name: string,
    help: string,
    labelNames: string[],
    read: (set: (labels: Record<string, string>, value: number) => void) => void,
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset(); // what is no more is not told any longer
        read((labels, value) => this.set(labels, value));
      },
    });
  gauge("pilot_xds", "Proxies connected to this control plane.", observe.connectedProxies);
  gauge("pilot_services", "Services known to this control plane.", observe.services);
  gauge("pilot_virt_services", "VirtualServices in force.", observe.virtualServices);
  labelled(
    "heddle_ca_certificate_expiry_seconds",
    "Seconds until the authority's certificates in use end; negative: they have.",
    ["role", "serial"],
    (set) => {
      for (const { role, serial, notAfterMs } of observe.authorities()) {
        set({ role, serial }, (notAfterMs - Date.now()) / 1000);
      }
    },
  );
  labelled(
    "heddle_ca_rotation_waiting_proxies",
    "Proxies that the present step of a rotation waits for.",
    ["of", "step"],
    (set) => {
      const rotation = observe.rotation();
      if (rotation) set({ of: rotation.of, step: rotation.step }, rotation.waiting);
    },
  );
  gauge(
    "heddle_jwks_failing_sources",
    "Sources of issuers' keys whose last fetch has failed.",
    observe.failingKeySources,
  );
  labelled(
    "heddle_registry_source_up",
    "1: the source of the registry is read and without fault; 0: what it said last is in force.",
    ["source"],
    (set) => {
      for (const { name, state } of observe.sources())
        set({ source: name }, Number(state === "ok"));
    },
  );
  labelled(
    "heddle_registry_source_entries",
    "Documents, answers or instances a source of the registry stands for.",
    ["source"],
    (set) => {
      for (const { name, count } of observe.sources()) set({ source: name }, count);
    },
  );
  labelled(
    "heddle_registry_source_faults",
    "Faults of a source of the registry, as GET /registry/sources lists them.",
    ["source"],
    (set) => {
      for (const { name, faults } of observe.sources()) set({ source: name }, faults.length);
    },
  );
  gauge("heddle_registry_holds", "Updates of the registry that are held and ask.", observe.holds);
  gauge("heddle_revision", "Number of the newest revision.", observe.revision);
  return {
    registry,
    pushes: new Counter({
      name: "pilot_xds_pushes",
      help: "Pushes sent to proxies.",
      registers,
    }),
    rejects: new Counter({
      name: "pilot_total_xds_rejects",
      help: "Pushes that proxies refused.",
      registers,
    }),
    convergenceSeconds: new Histogram({
      name: "pilot_proxy_convergence_time",
      help: "Seconds from a change's request until every concerned proxy had acked it.",
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
      registers,
    }),
    csrs: new Counter({
      name: "citadel_server_csr_count",
      help: "Certificate requests received.",
      registers,
    }),
    certificates: new Counter({
      name: "citadel_server_success_cert_issuance_count",
      help: "Certificates issued.",
      registers,
    }),
    mtlsGuards: new Counter({
      name: "heddle_mtls_guards_total",
      help: "Guarded flips to STRICT that have ended, by outcome; taken-back: too many callers were refused.",
      labelNames: ["outcome"],
      registers,
    }),
    keyFetches: new Counter({
      name: "heddle_jwks_fetches_total",
      help: "Fetches of issuers' key sets, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
    joins: new Counter({
      name: "heddle_joins_total",
      help: "Requests to join, by outcome.",
      labelNames: ["outcome"],
      registers,
    }),
  };
}
