import { choice, type FormGroup, flag, names, rare, SELECTOR, text } from "./form-description.ts";

/** AuthorizationPolicy, PeerAuthentication and RequestAuthentication: who may come in, and how he shows who he is. */

const MTLS_MODES = ["STRICT", "PERMISSIVE", "DISABLE"];

const CONDITION_KEYS = [
  "request.headers[x-tester]",
  "request.auth.claims[groups]",
  "request.auth.audiences",
  "source.ip",
  "remote.ip",
  "source.namespace",
  "source.principal",
  "destination.port",
  "connection.sni",
];

export const AUTHORIZATION_POLICY: readonly FormGroup[] = [
  {
    title: "What",
    path: ["spec"],
    fields: [
      choice(["action"], "Action", "ALLOW (default)", ["ALLOW", "DENY", "AUDIT", "CUSTOM"]),
      SELECTOR,
      rare(text(["provider", "name"], "Asked is", "none")),
    ],
  },
  {
    title: "Rule",
    words: "A request that meets any of them is meant. ALLOW without a rule lets nobody in.",
    path: ["spec", "rules"],
    repeats: { as: "list" },
    fresh: { from: [{ source: { namespaces: ["default"] } }] },
    groups: [
      {
        title: "Caller",
        words: "None named: any caller.",
        path: ["from"],
        repeats: { as: "list" },
        fresh: { source: { namespaces: ["default"] } },
        fields: [
          names(["source", "namespaces"], "In namespaces", "any"),
          names(["source", "principals"], "Identities", "any"),
          names(["source", "serviceAccounts"], "Service accounts", "any"),
          names(["source", "ipBlocks"], "Addresses", "any"),
          rare(names(["source", "remoteIpBlocks"], "Addresses before proxies", "any")),
          rare(names(["source", "requestPrincipals"], "Token's issuer/subject", "any")),
          rare(names(["source", "trustDomains"], "Trust domains", "any")),
          rare(names(["source", "notNamespaces"], "Not in namespaces", "none")),
          rare(names(["source", "notPrincipals"], "Not identities", "none")),
          rare(names(["source", "notServiceAccounts"], "Not service accounts", "none")),
          rare(names(["source", "notIpBlocks"], "Not addresses", "none")),
          rare(names(["source", "notRemoteIpBlocks"], "Not before proxies", "none")),
          rare(names(["source", "notRequestPrincipals"], "Not issuer/subject", "none")),
          rare(names(["source", "notTrustDomains"], "Not trust domains", "none")),
        ],
      },
      {
        title: "Operation",
        words: "None named: any request.",
        path: ["to"],
        repeats: { as: "list" },
        fresh: { operation: { methods: ["GET"] } },
        fields: [
          names(["operation", "methods"], "Methods", "any"),
          names(["operation", "paths"], "Paths", "any"),
          names(["operation", "ports"], "Ports", "any"),
          names(["operation", "hosts"], "Hosts", "any"),
          rare(names(["operation", "notMethods"], "Not methods", "none")),
          rare(names(["operation", "notPaths"], "Not paths", "none")),
          rare(names(["operation", "notPorts"], "Not ports", "none")),
          rare(names(["operation", "notHosts"], "Not hosts", "none")),
        ],
      },
      {
        title: "Condition",
        path: ["when"],
        repeats: { as: "list", nameAt: ["key"] },
        fresh: { key: "request.headers[x-tester]", values: ["1"] },
        fields: [
          text(["key"], "When", "request.headers[x-tester]", CONDITION_KEYS),
          names(["values"], "is one of", "any"),
          rare(names(["notValues"], "is none of", "none")),
        ],
      },
    ],
  },
];

export const PEER_AUTHENTICATION: readonly FormGroup[] = [
  {
    title: "Mutual TLS",
    words: "STRICT refuses plaintext: Security tells beforehand who would be refused.",
    path: ["spec"],
    fields: [choice(["mtls", "mode"], "Mode", "as above it", MTLS_MODES), SELECTOR],
  },
  {
    title: "Port",
    words: "Ports with a mode of their own.",
    path: ["spec", "portLevelMtls"],
    repeats: { as: "map", keyLabel: "Port", freshKey: "8080" },
    fresh: { mode: "PERMISSIVE" },
    fields: [choice(["mode"], "Mode", "as the workload", MTLS_MODES)],
  },
];

export const REQUEST_AUTHENTICATION: readonly FormGroup[] = [
  { title: "For", path: ["spec"], fields: [SELECTOR] },
  {
    title: "Issuer",
    words: "Tokens of these are checked; a request without any passes unless a rule is REQUIRED.",
    path: ["spec", "jwtRules"],
    repeats: { as: "list", nameAt: ["issuer"] },
    fresh: { issuer: "https://issuer.example.com" },
    fields: [
      text(["issuer"], "Issuer", "https://issuer.example.com"),
      text(["jwksUri"], "Keys at", "found by the issuer"),
      names(["audiences"], "For audiences", "any"),
      choice(["presence"], "Without a token", "passes", ["REQUIRED"]),
      flag(["forwardOriginalToken"], "The app gets the token", "no"),
      rare(names(["fromParams"], "Token in query parameters", "access_token")),
      rare(names(["fromCookies"], "Token in cookies", "none")),
      rare(text(["outputPayloadToHeader"], "Claims to header", "none")),
      rare(text(["timeout"], "Keys fetched within", "5s")),
    ],
    groups: [
      {
        title: "Header with the token",
        words: "None named: authorization, after Bearer.",
        path: ["fromHeaders"],
        repeats: { as: "list", nameAt: ["name"] },
        fresh: { name: "x-token" },
        fields: [text(["name"], "Header", "authorization"), text(["prefix"], "After", "nothing")],
      },
      {
        title: "Claim to a header",
        path: ["outputClaimToHeaders"],
        repeats: { as: "list", nameAt: ["header"] },
        fresh: { header: "x-user", claim: "sub" },
        fields: [text(["header"], "Header", "x-user"), text(["claim"], "Claim", "sub")],
      },
    ],
  },
];
