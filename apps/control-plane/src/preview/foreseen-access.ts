import type { WorkloadResource } from "@heddle/contracts";
import {
  authorize,
  type CompiledAuthorization,
  compileAuthorization,
  formatSpiffeId,
  parseId,
  type RecordedRequest,
  type RequestAuthorizationFacts,
} from "@heddle/mesh";
import type { SampledRequest } from "@heddle/store";

/** What holds for a workload's inbound side before and after. */
export type AccessPair = { readonly before: WorkloadResource; readonly after: WorkloadResource };

type Prepared = {
  readonly pair: AccessPair;
  readonly before: CompiledAuthorization["http"];
  readonly after: CompiledAuthorization["http"];
};
type Verdict = { readonly isAllowed: boolean; readonly asks: string | undefined };
type Said = "same" | "denied" | "recovered" | { readonly asks: string };

/** Who would be let in where, by the rules the proxies ask. External authorizers and tokens are not asked. */
export class ForeseenAccess {
  readonly #trustDomain: string;
  readonly #find: (workload: string) => AccessPair | undefined;
  readonly #prepared = new Map<string, Prepared | undefined>();

  /** `find`: by `namespace/name`; `undefined`: nobody has registered it. */
  constructor(trustDomain: string, find: (workload: string) => AccessPair | undefined) {
    this.#trustDomain = trustDomain;
    this.#find = find;
  }

  /** Whether a request, let in or not where it went, would be let in at `workload`. */
  judge(workload: string, sample: SampledRequest, request: RecordedRequest, path: string): Said {
    const target = this.#of(workload);
    if (target === undefined) return "same";
    const isThere = workload === sample.destination;
    const { before, after } = target.pair;
    const isKept = isThere && target.before === target.after && before.mtlsMode === after.mtlsMode;
    if (isKept) return "same";
    const was = isThere
      ? this.#decide(target.before, before, sample, request, path)
      : { isAllowed: true, asks: undefined };
    const is = this.#decide(target.after, after, sample, request, path);
    const asks = is.asks ?? was.asks;
    if (asks !== undefined) return { asks };
    if (was.isAllowed === is.isAllowed) return "same";
    return is.isAllowed ? "recovered" : "denied";
  }

  #of(workload: string): Prepared | undefined {
    if (this.#prepared.has(workload)) return this.#prepared.get(workload);
    const pair = this.#find(workload);
    const compile = ({ authorization = [] }: WorkloadResource) =>
      authorization.length === 0 ? undefined : compileAuthorization(authorization).http;
    let made: Prepared | undefined;
    if (pair) {
      const before = compile(pair.before);
      const isSame =
        JSON.stringify(pair.before.authorization) === JSON.stringify(pair.after.authorization);
      made = { pair, before, after: isSame ? before : compile(pair.after) };
    }
    this.#prepared.set(workload, made);
    return made;
  }

  #decide(
    rules: CompiledAuthorization["http"],
    { mtlsMode }: WorkloadResource,
    sample: SampledRequest,
    request: RecordedRequest,
    path: string,
  ): Verdict {
    const source = parseId(sample.source === "unknown" ? "" : sample.source);
    if (mtlsMode === "STRICT" && source === undefined) return { isAllowed: false, asks: undefined };
    if (rules === undefined) return { isAllowed: true, asks: undefined };
    const identity = source && formatSpiffeId({ trustDomain: this.#trustDomain, workload: source });
    const facts = new RecordedAccess(request, path, identity, sample.address ?? undefined);
    const { isAllowed } = authorize(rules, facts);
    return { isAllowed, asks: facts.asks };
  }
}

/** Facts of a span for AuthorizationPolicies; `asks` is the first that was read and is not known. */
class RecordedAccess implements RequestAuthorizationFacts {
  readonly peerIdentity: string | undefined;
  readonly method: string;
  readonly path: string;
  asks: string | undefined;
  readonly #request: RecordedRequest;
  readonly #address: string | undefined;

  constructor(
    request: RecordedRequest,
    path: string,
    identity: string | undefined,
    address: string | undefined,
  ) {
    this.#request = request;
    this.path = path;
    this.method = request.method;
    this.peerIdentity = identity;
    this.#address = address;
  }

  get sourceAddress(): string {
    return this.#address ?? this.#unknown("address of the caller", "127.0.0.1");
  }

  get remoteAddress(): string {
    return this.#unknown("address of the client", this.#address ?? "127.0.0.1");
  }

  get destinationAddress(): string {
    return this.#unknown("address of the workload", "127.0.0.1");
  }

  get destinationPort(): number {
    return this.#request.port ?? this.#unknown("port of the workload", 0);
  }

  get sni(): string | undefined {
    return this.#unknown("server name", undefined);
  }

  get authority(): string {
    const { authority } = this.#request;
    return authority === "" ? this.#unknown("host", "") : authority;
  }

  get claims(): undefined {
    return this.#unknown("claims of a token", undefined);
  }

  header(name: string): string | undefined {
    if (this.#request.knowsHeader(name)) return this.#request.header(name);
    return this.#unknown(`header ${name}`, undefined);
  }

  #unknown<Value>(what: string, assumed: Value): Value {
    this.asks ??= what;
    return assumed;
  }
}
