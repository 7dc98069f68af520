/** A failure of the API that has a name: its HTTP status, what has happened, and what to do about it. */
export type ProblemDescription = {
  readonly status: number;
  readonly title: string;
  readonly meaning: string;
  readonly remedy: string;
};

/** Every code an API answer can carry (docs/errors.md lists them). Codes stay; meanings may be said better. */
export const PROBLEM_CODES = {
  HEDDLE_BAD_REQUEST: {
    status: 400,
    title: "Bad request",
    meaning:
      "A field of the body, the query or the path is missing, unknown or not what is allowed there, or the body is not JSON.",
    remedy: "`errors` names each field, what is wrong with it and what is allowed.",
  },
  HEDDLE_INVALID_QUERY: {
    status: 400,
    title: "Invalid query",
    meaning: "The same of the collector: a query parameter or an id in the path.",
    remedy: "`errors` names each parameter, its value and what is allowed.",
  },
  HEDDLE_UNAUTHENTICATED: {
    status: 401,
    title: "Not logged in",
    meaning: "No bearer token, or one that is unknown, has ended or was revoked.",
    remedy: "Log in again, or make a new API token (`heddle api-token create`).",
  },
  HEDDLE_LOGIN_REFUSED: {
    status: 401,
    title: "Login refused",
    meaning:
      "Name or password are wrong, the link was used or has expired, or the login provider did not vouch for the person.",
    remedy: "Try again, ask for a new link (`heddle login`), or ask an admin.",
  },
  HEDDLE_FORBIDDEN: {
    status: 403,
    title: "Not allowed",
    meaning: "Who asks is known, but has not the role this needs on that namespace.",
    remedy: "`detail` names the role and the namespace; an admin grants it (docs/access.md).",
  },
  HEDDLE_CROSS_SITE_REQUEST: {
    status: 403,
    title: "Sent from another site",
    meaning: "A change by cookie came from a page that is not the console's own.",
    remedy: "Use the console's own pages, or send a bearer token instead of the cookie.",
  },
  HEDDLE_NOT_FOUND: {
    status: 404,
    title: "Not found",
    meaning: "There is no such address, or no such thing under it.",
    remedy: "`detail` says which. Addresses are listed in `/api/openapi.json`.",
  },
  HEDDLE_METHOD_NOT_ALLOWED: {
    status: 405,
    title: "Method not allowed",
    meaning: "The address exists, but does not take this method.",
    remedy: "The header `Allow` lists those it takes.",
  },
  HEDDLE_REVISION_CONFLICT: {
    status: 409,
    title: "Changed meanwhile",
    meaning: "A document has moved on since it was read; nothing was changed.",
    remedy: "Read it again (`errors` names each and its revision), redo the edit, send it anew.",
  },
  HEDDLE_CHANGE_REFUSED: {
    status: 409,
    title: "Refused as things stand",
    meaning: "The request is well formed, but the present state does not allow it.",
    remedy: "`detail` says what stands against it.",
  },
  HEDDLE_ENDPOINT_LOSS: {
    status: 409,
    title: "Most endpoints would be lost",
    meaning: "A service in use would lose all, or most, of its endpoints; nothing was changed.",
    remedy: "Repeat it with `acceptEndpointLoss` if that is meant; `detail` names the services.",
  },
  HEDDLE_AUTHORITY_CONFLICT: {
    status: 409,
    title: "Not in this state of the authority",
    meaning: "The certificate authority is in a state where this act makes no sense.",
    remedy: "`detail` says which; `heddle ca status` shows it (docs/identity.md).",
  },
  HEDDLE_TOO_LARGE: {
    status: 413,
    title: "Too large",
    meaning: "The body has more bytes than are taken.",
    remedy: "Send it in parts; `detail` says how many bytes are taken.",
  },
  HEDDLE_BODY_TOO_LARGE: {
    status: 413,
    title: "Too large",
    meaning: "The same of the console's door, which stands before the other servers.",
    remedy: "Send it in parts; `detail` says how many bytes are taken.",
  },
  HEDDLE_UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    title: "Not JSON",
    meaning: "The body is said to be something else than JSON.",
    remedy: "Send JSON with `content-type: application/json`.",
  },
  HEDDLE_BAD_DOCUMENT: {
    status: 422,
    title: "Bad document",
    meaning:
      "The request is well formed, but a document in its YAML is refused; nothing was changed.",
    remedy: "`errors` names each fault by document and line.",
  },
  HEDDLE_TOO_MANY_REQUESTS: {
    status: 429,
    title: "Too many requests",
    meaning: "Too many logins or password tries from here in a short time.",
    remedy: "Wait as many seconds as `Retry-After` says.",
  },
  HEDDLE_TOO_MANY_STREAMS: {
    status: 429,
    title: "Too many streams",
    meaning: "The collector has as many open event streams as it serves.",
    remedy: "Close some, or try again later.",
  },
  HEDDLE_UNEXPECTED: {
    status: 500,
    title: "The server failed",
    meaning: "A fault of Heddle itself; what was asked for may not have happened.",
    remedy:
      "The server's log says why, under the time and the path of the request. Please report it.",
  },
  HEDDLE_NOT_READY: {
    status: 503,
    title: "Starting",
    meaning: "The control plane is starting and waits for its database.",
    remedy: "Try again in some seconds. Traffic flows on meanwhile.",
  },
  HEDDLE_DATABASE_UNAVAILABLE: {
    status: 503,
    title: "The database is away",
    meaning: "Changes, history and what lies further back than memory wait for the database.",
    remedy: "Traffic flows on, nothing was changed; try again when it is back.",
  },
  HEDDLE_TOO_MANY_CHANGES: {
    status: 503,
    title: "Too many changes wait",
    meaning: "More changes are under way than the control plane queues.",
    remedy: "Send several documents in one change, or try again in some seconds.",
  },
  HEDDLE_STUDY_FAILED: {
    status: 503,
    title: "Could not be looked at",
    meaning:
      "Reading the documents, or working out what they would do, took longer or more memory than it may.",
    remedy: "Give fewer or smaller documents at once; nothing was changed.",
  },
  HEDDLE_PROXY_NOT_CONNECTED: {
    status: 409,
    title: "The proxy cannot be asked",
    meaning:
      "The proxy is not connected to this control plane, or of a version that cannot be asked.",
    remedy: "Read /config_dump on the proxy's admin port on its own host, or update the proxy.",
  },
  HEDDLE_PROXY_BUSY: {
    status: 429,
    title: "The proxy is being asked already",
    meaning: "As many questions are under way to this proxy as it is asked at a time.",
    remedy: "Try again in some seconds.",
  },
  HEDDLE_PROXY_SILENT: {
    status: 504,
    title: "The proxy does not answer",
    meaning: "The proxy was asked over its stream and has not answered in time.",
    remedy: "Try again; if it stays so, look at the proxy's host: its process may hang.",
  },
  HEDDLE_TOO_MANY_LISTENERS: {
    status: 503,
    title: "Too many listeners",
    meaning: "As many event streams are open as the control plane serves.",
    remedy: "Close some, or poll instead.",
  },
  HEDDLE_LOGIN_UNAVAILABLE: {
    status: 503,
    title: "The login provider does not answer",
    meaning: "The OpenID Connect provider cannot be reached or answers nonsense.",
    remedy: "Log in by password or link meanwhile; the control plane's log says more.",
  },
  HEDDLE_UPSTREAM_UNAVAILABLE: {
    status: 503,
    title: "No answer",
    meaning: "The console cannot reach the server behind it that has the answer.",
    remedy: "`detail` names it; `heddle check` finds out more. Traffic flows on.",
  },
} as const satisfies Readonly<Record<string, ProblemDescription>>;

export type ProblemCode = keyof typeof PROBLEM_CODES;
