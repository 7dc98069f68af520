/** Which requests and connections a tap shows. What is left out does not matter; all that is there must hold. */
export type TapFilter = {
  /** `inbound`: only what comes to the tapped workloads; `outbound`: only what they send. */
  readonly direction?: "inbound" | "outbound" | undefined;
  readonly from?: TapPeer | undefined;
  readonly to?: TapPeer | undefined;
  /** Any of them, as sent: `GET`. */
  readonly methods?: readonly string[] | undefined;
  /** Without `*`: what the path begins with. With it: the whole path, `*` being any characters. */
  readonly path?: string | undefined;
  /** Any of them: `404`, `5xx`, `500-503`, `none` (no answer), `failed` (also a gRPC failure). */
  readonly statuses?: readonly string[] | undefined;
  readonly headers?: readonly TapHeader[] | undefined;
};

/** A service or a workload; of a host outside the mesh the name alone counts. */
export type TapPeer = { readonly namespace: string; readonly name: string };

/** `value` left out: the header is there. With `*`, which is any characters, else exactly. */
export type TapHeader = { readonly name: string; readonly value?: string | undefined };

/** One end of a request as a tap looks at it. */
export type TapParty = {
  readonly namespace: string; // `unknown`: outside the mesh
  readonly workload: string;
  readonly service: string;
};

/** What a tap looks at. */
export type TapFacts = {
  readonly direction: "inbound" | "outbound";
  readonly source: TapParty;
  readonly destination: TapParty;
  /** `undefined`: an opaque connection. */
  readonly request: TapRequestFacts | undefined;
};

export type TapRequestFacts = {
  readonly method: string;
  readonly path: string; // without query
  readonly status: number; // 0: no answer
  readonly isFailure: boolean;
  /** Of the request, by its lower-case name. */
  header(name: string): string | undefined;
};

export type TapTest = (facts: TapFacts) => boolean;

/** A status filter that is none of the known forms; the message says which are. */
export class InvalidTapStatusError extends Error {
  override readonly name = "InvalidTapStatusError";
  readonly code = "HEDDLE_INVALID_TAP_STATUS";
  constructor(text: string) {
    super(`"${text}" is no status: use 404, 5xx, 500-503, none (no answer) or failed`);
  }
}

/** Headers that are credentials, or carry them: no tap tells their values, nor may it ask about them. */
const CREDENTIAL =
  /^(?:authorization|proxy-authorization|cookie2?|set-cookie|www-authenticate|x-forwarded-client-cert|x-amz-security-token)$|token|secret|passw|credential|session|api-?key|access-?key|private|signature|jwt|csrf|xsrf/;

/** Whether a header of this lower-case name is, or looks like, a credential. */
export function isCredentialHeader(name: string): boolean {
  return CREDENTIAL.test(name);
}

/** Compiles a filter. Connections have neither method, path, status nor headers: a filter that asks for one passes none. */
export function compileTapFilter(filter: TapFilter): TapTest {
  const { direction, from, to } = filter;
  const isMeant = requestTest(filter);
  return (facts) => {
    if (direction !== undefined && facts.direction !== direction) return false;
    if (from !== undefined && !isParty(from, facts.source)) return false;
    if (to !== undefined && !isParty(to, facts.destination)) return false;
    if (isMeant === undefined) return true;
    return facts.request !== undefined && isMeant(facts.request);
  };
}

/** `404`, `5xx`, `500-503`, `none` or `failed`. Throws `InvalidTapStatusError`. */
export function compileTapStatus(
  text: string,
): (request: Pick<TapRequestFacts, "status" | "isFailure">) => boolean {
  if (text === "none") return ({ status }) => status === 0;
  if (text === "failed") return ({ isFailure }) => isFailure;
  const hundreds = /^([1-5])xx$/i.exec(text)?.[1];
  if (hundreds !== undefined) return between(Number(hundreds) * 100, Number(hundreds) * 100 + 99);
  const [, first, last = first] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  if (first === undefined || Number(last) < Number(first)) throw new InvalidTapStatusError(text);
  return between(Number(first), Number(last));
}

function between(first: number, last: number) {
  return ({ status }: { readonly status: number }) => status >= first && status <= last;
}

/** `undefined`: nothing is asked of the request, so that connections pass, too. */
function requestTest(filter: TapFilter): ((request: TapRequestFacts) => boolean) | undefined {
  const { methods = [], path, statuses = [], headers = [] } = filter;
  const tests: ((request: TapRequestFacts) => boolean)[] = [];
  if (statuses.length > 0) {
    const any = statuses.map(compileTapStatus);
    tests.push((request) => any.some((one) => one(request)));
  }
  if (methods.length > 0) tests.push(({ method }) => methods.includes(method));
  if (path !== undefined) {
    const isPath = path.includes("*") ? compileGlob(path) : startsWith(path);
    tests.push((request) => isPath(request.path));
  }
  for (const { name, value } of headers) {
    const isValue = value === undefined ? () => true : compileGlob(value);
    tests.push((request) => {
      const found = request.header(name);
      return found !== undefined && isValue(found);
    });
  }
  if (tests.length === 0) return undefined;
  return (request) => tests.every((one) => one(request));
}

function isParty({ namespace, name }: TapPeer, party: TapParty): boolean {
  if (party.workload !== name && party.service !== name) return false;
  return party.namespace === namespace || party.namespace === "unknown";
}

function startsWith(prefix: string) {
  return (text: string) => text.startsWith(prefix);
}

/** `*` is any characters, also none; linear in the text, whatever the pattern. */
function compileGlob(pattern: string): (text: string) => boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    if (text.length < first.length + last.length) return false;
    if (!text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let at = first.length;
    for (const part of rest) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
