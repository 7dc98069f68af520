/** Why a proxy is not let in, or its stream is closed: what it means, and what to do (docs/errors.md lists them). */
export const STREAM_REFUSALS = {
  HEDDLE_JOIN_TOKEN_REFUSED: {
    meaning: "The join token is not one of this mesh, or it was mistyped.",
    remedy: "Make a new one (`heddle token create`) and pass it whole (HEDDLE_JOIN_TOKEN).",
  },
  HEDDLE_JOIN_TOKEN_SPENT: {
    meaning: "The join token has expired, or has been used as often as it may be.",
    remedy: "Make a new one (`heddle token create`); a proxy that has joined before needs none.",
  },
  HEDDLE_JOIN_TOKEN_REVOKED: {
    meaning: "Somebody has taken the join token back.",
    remedy: "Ask an admin why (`heddle audit`), then for a new one.",
  },
  HEDDLE_CSR_REFUSED: {
    meaning: "The certificate request is malformed, of another key type, or of another workload.",
    remedy: "Proxies make theirs themselves: update the proxy, or report it.",
  },
  HEDDLE_CANNOT_SIGN: {
    meaning: "The certificate authority has no key to sign with now, or is being repaired.",
    remedy: "`heddle ca status` says why. The proxy asks again; certificates it has stay good.",
  },
  HEDDLE_NO_CERTIFICATE: {
    meaning:
      "The stream was opened without a certificate that this mesh has signed and that is still valid.",
    remedy: "Join again with a join token; after a long time away the old certificate has ended.",
  },
  HEDDLE_UNKNOWN_PROXY: {
    meaning:
      "The certificate is good, but no proxy of its name has joined: it was away for 30 days, or the database is another.",
    remedy: "Give the proxy a new join token.",
  },
  HEDDLE_PROXY_REVOKED: {
    meaning:
      "The proxy, its certificate or the token it joined with was revoked, and it was put out of the mesh.",
    remedy: "If it is to come back: a new join token and an empty data folder.",
  },
  HEDDLE_PROTOCOL: {
    meaning: "Proxy and control plane speak different protocols.",
    remedy: "Bring both to neighbouring versions (`heddle proxies` shows them).",
  },
  HEDDLE_NO_HELLO: {
    meaning: "The first message was none, or no `hello`, within 10 s.",
    remedy:
      "The proxy comes back by itself; if it stays so, its host is overloaded, or it is no proxy.",
  },
  HEDDLE_BAD_MESSAGE: {
    meaning: "A message is not one of the control stream.",
    remedy: "Bring both to neighbouring versions; if they are, please report it.",
  },
  HEDDLE_NOT_YOUR_IDENTITY: {
    meaning: "The proxy says another id than its certificate.",
    remedy: "Two proxies share a data folder, or it was copied: give each its own.",
  },
  HEDDLE_BAD_REGISTRATION: {
    meaning:
      "A workload's name, service, version, port, label or address is not what may be registered.",
    remedy: "The message names each; mend the proxy's configuration file.",
  },
  HEDDLE_TOO_MANY_WORKLOADS: {
    meaning: "The proxy hosts more workloads than one proxy may.",
    remedy: "Spread them over several proxies.",
  },
  HEDDLE_WORKLOAD_NOT_ALLOWED: {
    meaning:
      "The proxy's join token is for another namespace or workload, or the proxy does not host it.",
    remedy:
      "Make a token for that namespace (`heddle token create -n NAMESPACE`) and join with it.",
  },
  HEDDLE_TOO_MANY_SUBSCRIPTIONS: {
    meaning: "The proxy's workloads call more different hosts than are kept for one proxy.",
    remedy:
      "An app that calls ever new hosts should not call them as names of the mesh; or use several proxies.",
  },
  HEDDLE_TOO_MANY_CSRS: {
    meaning: "More certificate requests than a proxy can have workloads came at once.",
    remedy: "Please report it: proxies ask for each workload once.",
  },
  HEDDLE_STREAM_REPLACED: {
    meaning: "The same proxy has opened another stream, which holds from now on.",
    remedy: "As a rule a reconnect. If it repeats, two proxies share a data folder.",
  },
  HEDDLE_UNEXPECTED: {
    meaning: "A fault of the control plane; what was asked for was not done.",
    remedy: "Its log says why. The proxy tries again, and traffic flows on.",
  },
} as const satisfies Readonly<
  Record<`HEDDLE_${string}`, { readonly meaning: string; readonly remedy: string }>
>;

export type StreamRefusal = keyof typeof STREAM_REFUSALS;
