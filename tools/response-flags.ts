// What each response flag means, for docs/errors.md: keyed by the proxy's own type, so that none is missing.
import type { Flag } from "../apps/proxy/src/transport/failure.ts";

/** `DF` is Envoy's word for what reads `UF` here: a name that is not resolved is an endpoint not reached. */
type Raised = Exclude<Flag, "-" | "DF">;

type FlagDescription = {
  /** The status an answer of the proxy's own has as a rule; left out: none of its own, or any. */
  readonly status?: number;
  readonly meaning: string;
  readonly remedy: string;
};

export const RESPONSE_FLAGS: Readonly<Record<Raised, FlagDescription>> = {
  DC: {
    meaning: "The caller left before the answer was whole.",
    remedy: "Look at the caller's own timeout.",
  },
  DI: {
    meaning: "A rule delays these requests on purpose.",
    remedy: "`fault.delay` of the rule named in `heddle why`.",
  },
  DPE: {
    status: 400,
    meaning: "The caller sent what is no valid HTTP.",
    remedy: "Look at the caller's client; the body says what is wrong.",
  },
  FI: {
    meaning: "A rule answers these requests with a failure on purpose.",
    remedy: "`fault.abort` of the rule named in the body.",
  },
  HFF: {
    status: 500,
    meaning: "A filter of the proxy threw, or took longer than its budget.",
    remedy: "The body names the filter; docs/filters.md.",
  },
  NC: {
    status: 503,
    meaning: "A rule leads to a service or subset that does not exist.",
    remedy: "`heddle analyze` names the rule and the name.",
  },
  NFCF: {
    status: 500,
    meaning: "A filter that a document asks for is not in the proxy's folder.",
    remedy: "Put it into HEDDLE_FILTERS_DIR of the proxy named in the body.",
  },
  NR: {
    status: 404,
    meaning:
      "No route matches, or the service declares no such port; with 502: the mesh knows no such host, and REGISTRY_ONLY holds.",
    remedy: "`heddle why --from … --to … --path …` shows what each rule asks.",
  },
  OM: {
    status: 503,
    meaning: "The proxy is overloaded and turns requests away.",
    remedy: "Give it more CPU, or more instances; HEDDLE_MAX_REQUESTS, HEDDLE_MAX_LAG_MS.",
  },
  RL: {
    status: 429,
    meaning: "A rate limit is used up.",
    remedy: "The body names it; docs/rate-limits.md.",
  },
  SI: {
    status: 504,
    meaning: "Nothing moved on the stream for too long.",
    remedy: "Look for streams that neither side closes.",
  },
  UAEX: {
    status: 403,
    meaning: "An external authorizer said no, or could not be asked.",
    remedy:
      "The body names the provider; `statusOnError` and `failOpen` decide what its silence means.",
  },
  UC: {
    status: 503,
    meaning: "The app's or the next proxy's connection broke before the answer.",
    remedy: "Look for crashes, and at the app's keep-alive time.",
  },
  UF: {
    status: 503,
    meaning: "The endpoint took no connection.",
    remedy: "Is the app up, and does it listen on its port? The body lists each try.",
  },
  UH: {
    status: 503,
    meaning: "No endpoint may be used: all are ejected, draining, unwell, or there is none.",
    remedy: "The body says why each is out; `heddle proxy-config WORKLOAD endpoints`.",
  },
  UO: {
    status: 503,
    meaning: "A limit of connections, requests or retries is reached.",
    remedy: "`connectionPool` or the retry budget of the destination, or more instances.",
  },
  UPE: {
    status: 502,
    meaning: "The answer is no valid HTTP.",
    remedy: "Does the port speak what its protocol says?",
  },
  UR: {
    status: 503,
    meaning: "The destination reset the request.",
    remedy: "Look at its log at that time.",
  },
  URX: {
    meaning: "All tries that the rule allows have failed.",
    remedy: "The flags beside it say what failed the last one.",
  },
  UT: {
    status: 504,
    meaning: "The rule's or the caller's deadline is over.",
    remedy: "Hold the timeout against the destination's p99 (`heddle signals`).",
  },
};
