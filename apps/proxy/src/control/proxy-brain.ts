import {
  CONTROL_STREAM_PROTOCOL,
  type ControlMessage,
  PROXY_FEATURES,
  PROXY_IDENTITY_PATH,
  type ProxyMessage,
  type ResourceRefusal,
  type Subscription,
  type TapOrder,
  WORKLOAD_LABEL,
} from "@heddle/contracts/control-stream";
import { formatId } from "@heddle/mesh";
import type { Logger } from "@heddle/runtime";
import type { ProxyConfig } from "../config.ts";
import { HostResolver } from "../core/host-resolver.ts";
import { LiveMesh } from "../core/live-mesh.ts";
import { MeshNames } from "../core/mesh-names.ts";
import type { MeshView } from "../core/mesh-view.ts";
import { readHost } from "../core/named-host.ts";
import { ProtocolMemory } from "../core/protocol-memory.ts";
import { TurnedAway } from "../core/turned-away.ts";
import type { FilterLibrary } from "../filters/filter-library.ts";
import { HealthChecker, type HealthNews } from "../health/health-checker.ts";
import {
  CertificateKeeper,
  type CertificateStanding,
  type Holder,
} from "../identity/certificate-keeper.ts";
import { HeldCertificates } from "../identity/held-certificates.ts";
import { HeldIdentity } from "../identity/held-identity.ts";
import { KeyAndCertificate } from "../identity/key-and-certificate.ts";
import { MeshTrust } from "../identity/mesh-trust.ts";
import { AppliedConfiguration } from "./applied-configuration.ts";
import { BypassClock } from "./bypass-clock.ts";
import { checkedApp } from "./checked-app.ts";
import { ConfigurationKeeper } from "./configuration-keeper.ts";
import { ControlPlanes } from "./control-planes.ts";
import { ControlStream } from "./control-stream.ts";
import type { DataFolder } from "./data-folder.ts";
import { WrongRootError } from "./discover-root.ts";
import { dumpConfiguration } from "./dump-configuration.ts";
import { JoinRefusedError, join } from "./join.ts";
import { Observer } from "./observer.ts";
import type { Push } from "./read-message.ts";
import { RunningWorkload } from "./running-workload.ts";
import { type SideCount, TallyTeller } from "./tally-teller.ts";
import { TurnedAwayTeller } from "./turned-away-teller.ts";
import { UnusedDestinations } from "./unused-destinations.ts";

const PROXY_VERSION = "0.1.0";
const PARTED_CHECK_MS = 5_000;

/**
 * What a proxy knows and is: configuration, identities, and the stream that renews both. It starts
 * from disk, so that it serves before the control plane answers.
 */
export class ProxyBrain {
  readonly workloads: readonly RunningWorkload[];
  readonly configuration: AppliedConfiguration;
  readonly #applied: ConfigurationKeeper;
  readonly #config: ProxyConfig;
  readonly #data: DataFolder;
  readonly #logger: Logger;
  readonly #resolver: HostResolver;
  readonly #mesh: LiveMesh;
  /** Of all identities here. */
  readonly trust = new MeshTrust();
  readonly #own = new HeldIdentity(this.trust);
  /** What ports of no declared protocol were found to speak. */
  readonly protocols = new ProtocolMemory();
  /** Whom the workloads did not let in, or would not under STRICT. */
  readonly turnedAway = new TurnedAway();
  readonly health: HealthChecker;
  /** Who is to be told of live requests, whenever that changes. */
  onTaps: (orders: readonly TapOrder[]) => void = () => {};
  readonly #observer: Observer;
  readonly #teller: TurnedAwayTeller;
  readonly #tallies: TallyTeller;
  readonly #unused: UnusedDestinations;
  /** What the control plane says it knows beside the first shape of the protocol. */
  #controlFeatures: ReadonlySet<string> = new Set();
  readonly #keeper: CertificateKeeper;
  readonly #held = new HeldCertificates((message) => this.#stream.send(message));
  readonly #controlPlanes: ControlPlanes;
  readonly #stream: ControlStream;
  readonly #onUseless: (error: Error) => void;
  #partedTimer: NodeJS.Timeout | undefined;
  readonly #bypassClock = new BypassClock(this);
  readonly #current = Promise.withResolvers<void>();
  #isDraining = false;
  /** The control plane has another root than the one that is believed here: a join token may name it. */
  #isRootUnknown = false;

  /**
   * `onUseless`: the proxy has nothing to serve with and never will (its token is refused). `countTraffic`: how its
   * workloads' requests have ended since its start.
   */
  constructor(
    config: ProxyConfig,
    data: DataFolder,
    logger: Logger,
    library: FilterLibrary,
    onUseless: (error: Error) => void,
    countTraffic: () => ReadonlyMap<string, SideCount>,
  ) {
    this.#onUseless = onUseless;
    this.#config = config;
    this.#data = data;
    this.#logger = logger;
    this.workloads = config.workloads.map(
      (one) => new RunningWorkload(one, config.bindAddress, library, this.trust),
    );
    this.#mesh = new LiveMesh(Math.random);
    const names = new MeshNames();
    this.#resolver = new HostResolver(
      this.#mesh,
      (subscription) => {
        this.#stream.send({ type: "subscribe", subscriptions: [subscription] });
        this.#applied.saveSoon();
      },
      () => this.#stream.isLive,
      names,
    );
    this.configuration = new AppliedConfiguration({
      mesh: this.#mesh,
      resolver: this.#resolver,
      workloads: this.workloads,
      trust: this.trust,
      names,
    });
    this.#applied = new ConfigurationKeeper(this.configuration, data, logger);
    this.#unused = new UnusedDestinations({
      resolver: this.#resolver,
      mesh: this.#mesh,
      unusedMs: config.unusedDestinationMs,
      isKept: (subscription) => this.#isLocalPort(subscription),
      canTell: () => this.#stream.isLive && this.#controlFeatures.has("unsubscribe"),
      onUnused: (subscriptions) => {
        this.#stream.send({ type: "unsubscribe", subscriptions });
        this.#applied.saveSoon();
      },
    });
    this.#observer = new Observer({
      mesh: this.#mesh,
      protocols: this.protocols,
      hosted: this.workloads[0]?.id,
      send: (message) => this.#stream.send(message),
    });
    this.health = new HealthChecker(this.workloads.flatMap(checkedApp), {
      tell: (news) => this.#tellHealth([news]),
      logger,
      draw: Math.random,
    });
    this.#teller = new TurnedAwayTeller(this.turnedAway, (message) => this.#stream.send(message));
    this.#tallies = new TallyTeller(countTraffic, (message) => this.#stream.send(message));
    this.#keeper = new CertificateKeeper({
      canSend: () => this.#stream.isLive,
      send: (message) => this.#stream.send(message),
      onInstalled: (holder, material) => {
        data.save(identityFile(holder), material);
        this.#held.tell(holder, material);
      },
      logger,
      draw: Math.random,
    });
    this.#controlPlanes = new ControlPlanes(config.controlPlanes, Math.random);
    this.#stream = new ControlStream({
      controlPlanes: this.#controlPlanes,
      identity: this.#own,
      logger,
      draw: Math.random,
      handlers: {
        hello: () => this.#hello(),
        onWelcome: (welcome) => this.#welcomed(welcome),
        onMessage: (message) => this.#receive(message),
        onPush: (push, refused) => this.#apply(push, refused),
        onRefused: (reason) => this.#keeper.refused(reason),
        onUnknownRoot: () => {
          this.#isRootUnknown = true;
        },
        prepare: () => this.#joinIfNeeded(),
      },
    });
  }

  /** The mesh as a hosted workload sees it. */
  viewOf(workload: RunningWorkload): MeshView {
    const { id, locality } = workload;
    const labels = { ...workload.labels, [WORKLOAD_LABEL]: id.name };
    return this.#resolver.viewOf({ namespace: id.namespace, labels, locality }, workload);
  }

  /** Given at joining; `undefined` before. */
  get proxyId(): string | undefined {
    const uri = this.#own.spiffeId;
    const at = uri?.indexOf(PROXY_IDENTITY_PATH) ?? -1;
    return at < 0 ? undefined : uri?.slice(at + PROXY_IDENTITY_PATH.length);
  }

  get streamStatus() {
    return this.#stream.status;
  }

  get certificates(): CertificateStanding[] {
    return this.#keeper.standings(Date.now());
  }

  /** Every workload has a valid certificate and a configuration, be it from disk. */
  get isReady(): boolean {
    const nowMs = Date.now();
    return this.workloads.every((workload) => workload.isReady(nowMs));
  }

  /** Takes up what the last process of this proxy has left on disk. */
  async restore(): Promise<void> {
    const holders: [Holder, HeldIdentity][] = [
      [null, this.#own],
      ...this.workloads.map((one): [Holder, HeldIdentity] => [one.id, one.identity]),
    ];
    for (const [holder, identity] of holders) {
      const material = await this.#data.read(identityFile(holder), KeyAndCertificate);
      if (material) this.#tryInstall(holder, identity, material);
      this.#keeper.keep(holder, identity);
    }
    await this.#applied.restore();
  }

  /**
   * Resolves with the first push, which tells all that has changed since what lies on disk, or when
   * `start`'s time for it is over.
   */
  get current(): Promise<void> {
    return this.#current.promise;
  }

  /** Opens the stream; the listeners' ports must be known, since `hello` tells them. */
  start(currentMs = 0): void {
    setTimeout(() => this.#current.resolve(), currentMs).unref();
    this.#keeper.start();
    this.#stream.start();
    this.#observer.start();
    this.#teller.start();
    this.#tallies.start();
    this.health.start();
    this.#unused.start();
    this.#partedTimer = setInterval(() => this.#mesh.dropParted(Date.now()), PARTED_CHECK_MS);
    this.#partedTimer.unref();
    this.#bypassClock.look();
  }

  get isAnyBypassed(): boolean {
    return this.#mesh.isAnyBypassed || this.workloads.some(({ isBypassed }) => isBypassed);
  }

  /** What was taken off the mesh's rules for a time comes back when that is over, told or not. */
  endBypasses(nowMs: number): void {
    for (const workload of this.workloads) workload.endBypass(nowMs);
    if (this.#mesh.endBypasses(nowMs)) this.#resolver.applied([]);
  }

  /** Lets callers know to send nothing new here; configuration and certificates still come. */
  drain(): void {
    this.#isDraining = true;
    this.#stream.send({ type: "draining" });
  }

  /** Says goodbye: the workloads leave the registry. */
  async stop(): Promise<void> {
    this.#keeper.stop();
    this.#observer.stop();
    this.#teller.stop();
    this.#tallies.stop();
    this.health.stop();
    this.#unused.stop();
    clearInterval(this.#partedTimer);
    this.#bypassClock.stop();
    this.#mesh.close();
    await this.#stream.stop();
    this.#applied.save();
    await this.#data.flush();
  }

  async #joinIfNeeded(): Promise<void> {
    const isValid = this.#own.isValid(Date.now());
    if (isValid && !this.#isRootUnknown) return;
    const { joinToken, name } = this.#config;
    if (!joinToken) {
      throw new Error(
        isValid
          ? "the control plane shows a root that this proxy does not know; give it a new join token (HEDDLE_JOIN_TOKEN)"
          : "the proxy has no valid certificate of its own and no join token (HEDDLE_JOIN_TOKEN)",
      );
    }
    const { proxyId } = this;
    const keyPem = this.#own.material?.keyPem;
    const before = proxyId === undefined || keyPem === undefined ? undefined : { proxyId, keyPem };
    this.#isRootUnknown = false; // unless it is again: the stream is tried after a join that fails, too
    const joined = await join(this.#controlPlanes.current, joinToken, name, before).catch(
      (error: unknown) => {
        const isFinal = error instanceof JoinRefusedError || error instanceof WrongRootError;
        if (isFinal && !this.isReady) this.#onUseless(error);
        throw error;
      },
    );
    if (this.trust.isTold) this.trust.learn(joined.material.trustBundlePem);
    this.#keeper.install(null, joined.material);
    this.#logger.info({ proxyId: joined.proxyId }, "joined the mesh");
  }

  #hello(): Extract<ProxyMessage, { type: "hello" }> {
    const proxyId = this.proxyId ?? "";
    return {
      type: "hello",
      protocol: CONTROL_STREAM_PROTOCOL,
      proxyId,
      proxyName: this.#config.name,
      proxyVersion: PROXY_VERSION,
      workloads: this.workloads.map((workload) =>
        workload.registration(proxyId, this.health.healthOf(workload.id)),
      ),
      subscriptions: this.#resolver.subscriptions,
      have: this.configuration.have,
      certificates: this.#held.all(),
      features: [...PROXY_FEATURES],
    };
  }

  #welcomed(welcome: Extract<ControlMessage, { type: "welcome" }>): void {
    this.#controlFeatures = new Set(welcome.features);
    this.onTaps([]); // those that go on are told again
    this.#resolver.outboundTrafficPolicy = welcome.outboundTrafficPolicy;
    this.trust.assume(welcome.trustDomain, welcome.trustBundlePem);
    this.#keeper.connected();
    this.#observer.forget();
    this.#teller.forget();
    this.#tellAllHealth();
    // A stream that has come back has registered the workloads anew.
    if (this.#isDraining) this.#stream.send({ type: "draining" });
  }

  /** What was found between `hello` and its answer could not be told. */
  #tellAllHealth(): void {
    const workloads = this.workloads.flatMap(({ id }) => {
      const health = this.health.healthOf(id);
      return health === undefined ? [] : [{ workload: id, health }];
    });
    if (workloads.length > 0) this.#tellHealth(workloads);
  }

  /** A control plane that does not know the message hears it in the next `hello`. */
  #tellHealth(workloads: HealthNews[]): void {
    if (this.#controlFeatures.has("health")) this.#stream.send({ type: "health", workloads });
  }

  #receive(message: Exclude<ControlMessage, { type: "welcome" | "refused" | "push" }>): void {
    switch (message.type) {
      case "certificate":
        this.trust.assume("", message.trustBundlePem);
        this.#keeper.receive(message);
        return;
      case "renew":
        this.#keeper.renew(message.workload, message.withinMs);
        return;
      case "tally":
        return this.#tallies.tellFor(message.forMs);
      case "taps":
        return this.onTaps(message.taps);
      case "dump": {
        const own = { workload: null, identity: this.#own };
        const hosted = this.workloads.map(({ id, identity }) => ({ workload: id, identity }));
        this.#stream.send(dumpConfiguration(message, this.configuration, [own, ...hosted]));
        return;
      }
    }
  }

  #apply(push: Push, unread: readonly ResourceRefusal[]): void {
    const answer = this.#applied.apply(push, unread, this.#controlFeatures.has("partial-ack"));
    this.#bypassClock.look();
    setImmediate(() => this.#current.resolve());
    this.#stream.send(answer);
  }

  /** Hosts of local ports are asked for before the first connection, and stay. */
  #isLocalPort({ namespace, host }: Subscription): boolean {
    return this.workloads.some(
      ({ id, settings }) =>
        id.namespace === namespace &&
        settings.outbounds.some((one) => readHost(one.host).name === host),
    );
  }

  #tryInstall(holder: Holder, identity: HeldIdentity, material: KeyAndCertificate): void {
    try {
      identity.install(material);
      this.#held.restore(holder, material);
    } catch (error) {
      this.#logger.warn({ holder, err: error }, "a certificate on disk is not usable");
    }
  }
}

function identityFile(holder: Holder): string {
  const name = holder === null ? "proxy" : `workload.${formatId(holder).replace("/", ".")}`;
  return `identities/${name}.json`;
}
