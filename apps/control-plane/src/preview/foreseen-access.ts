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
  readonly before: CompiledAuthorization | undefined;
  readonly after: CompiledAuthorization | undefined;
};
type Rules = CompiledAuthorization["http"];
/** Who asks: `namespace/name` or `unknown`, and of a plaintext caller the address. */
type Asker = Pick<SampledRequest, "source" | "address">;
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
    const was = isThere ? this.#decide(target.before?.http, before, sample, request, path) : LET_IN;
    return compare(was, this.#decide(target.after?.http, after, sample, request, path));
  }

  /** The same of opaque connections of `asker` that came to `destination`. */
  judgeConnection(workload: string, destination: string, asker: Asker): Said {
    const target = this.#of(workload);
    if (target === undefined) return "same";
    const { before, after } = target.pair;
    const was =
      workload === destination
        ? this.#decide(target.before?.tcp, before, asker, NO_REQUEST, "")
        : LET_IN;
    return compare(was, this.#decide(target.after?.tcp, after, asker, NO_REQUEST, ""));
  }

  #of(workload: string): Prepared | undefined {
    if (this.#prepared.has(workload)) return this.#prepared.get(workload);
    const pair = this.#find(workload);
    const compile = ({ authorization = [] }: WorkloadResource) =>
      authorization.length === 0 ? undefined : compileAuthorization(authorization);
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
    rules: Rules | undefined,
    { mtlsMode }: WorkloadResource,
    sample: Asker,
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

const LET_IN: Verdict = { isAllowed: true, asks: undefined };

function compare(was: Verdict, is: Verdict): Said {
  const asks = is.asks ?? was.asks;
  if (asks !== undefined) return { asks };
  if (was.isAllowed === is.isAllowed) return "same";
  return is.isAllowed ? "recovered" : "denied";
}

/** Of a connection nobody knows more than its ends; rules for connections ask for no more of it. */
const NO_REQUEST: RecordedRequest = {
  ...{ method: "", path: "", authority: "", scheme: "", port: undefined },
  ...{ durationMs: 0, flags: "-", status: 0, retries: 0, wentTo: undefined, rule: undefined },
  knowsHeader: () => false,
  header: () => undefined,
};

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
