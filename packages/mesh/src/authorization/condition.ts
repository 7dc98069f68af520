import { type TokenClaims, textsOfClaim } from "../authentication/token-claims.ts";
import { compileCidr } from "../routing/cidr.ts";
import type {
  ConnectionAuthorizationFacts,
  RequestAuthorizationFacts,
} from "./authorization-facts.ts";
import { InvalidAuthorizationError } from "./invalid-authorization-error.ts";
import { compileRequestPrincipal } from "./request-principal.ts";
import {
  compileHostPatterns,
  compileNamespaces,
  compilePaths,
  compilePatterns,
  compileServiceAccounts,
  type TextTest,
} from "./text-pattern.ts";

/** One attribute that rules compare, and how. */
export type Attribute = {
  /** Only HTTP requests have it. */
  readonly isHttp: boolean;
  readonly compile: (values: readonly string[], context: ConditionContext) => AttributeTest;
  /** What a request has there, for explanations; nothing secret. */
  readonly see: (facts: RequestAuthorizationFacts) => string;
};
export type AttributeTest = (facts: RequestAuthorizationFacts) => boolean;
export type ConditionContext = { readonly field: string; readonly policyNamespace: string };

const SPIFFE = "spiffe://";
const NO_IDENTITY = "no identity (plaintext)";

/** A peer without a certificate satisfies no identity condition, hence every negated one (Istio). */
function identityAttribute(
  compile: (values: readonly string[], context: ConditionContext) => TextTest,
): Attribute {
  return {
    isHttp: false,
    compile: (values, context) => {
      const holds = compile(values, context);
      return ({ peerIdentity }) => peerIdentity !== undefined && holds(peerIdentity);
    },
    see: ({ peerIdentity }) => peerIdentity ?? NO_IDENTITY,
  };
}

function textAttribute(
  isHttp: boolean,
  read: (facts: RequestAuthorizationFacts) => string | undefined,
  compile: (values: readonly string[], context: ConditionContext) => TextTest,
): Attribute {
  return {
    isHttp,
    compile: (values, context) => {
      const holds = compile(values, context);
      return (facts) => {
        const text = read(facts);
        return text !== undefined && holds(text);
      };
    },
    see: (facts) => read(facts) ?? "none",
  };
}

function addressAttribute(read: (facts: ConnectionAuthorizationFacts) => string): Attribute {
  return textAttribute(false, read, (blocks) => {
    const cidrs = blocks.map(compileCidr);
    let lastAddress = "";
    let isInside = false;
    // The requests of a connection come from one address: reading it once is enough.
    return (address) => {
      if (address !== lastAddress) {
        isInside = cidrs.some((cidr) => cidr.contains(address));
        lastAddress = address;
      }
      return isInside;
    };
  });
}

function comparePorts(values: readonly string[], { field }: ConditionContext): TextTest {
  for (const value of values) {
    if (!/^[0-9]{1,5}$/.test(value) || Number(value) > 65_535) {
      throw new InvalidAuthorizationError(field, value, "a port is a number from 0 to 65535");
    }
  }
  const ports = new Set(values.map(Number));
  return (port) => ports.has(Number(port));
}

/** What a verified token says; a request without one satisfies none of it, hence every negated form. */
function tokenAttribute(
  what: string,
  compile: (values: readonly string[]) => (claims: TokenClaims) => boolean,
): Attribute {
  return {
    isHttp: true,
    compile: (values) => {
      const holds = compile(values);
      return ({ claims }) => claims !== undefined && holds(claims);
    },
    see: ({ claims }) => (claims === undefined ? "no token" : what),
  };
}

/** A claim holds if any of its texts does; `*` takes any that is not empty. */
function claimAttribute(path: readonly string[]): Attribute {
  return tokenAttribute("a token that says something else", (values) => {
    const holds = compilePatterns(values);
    return (claims) => textsOfClaim(claims, path).some(holds);
  });
}

/** Metadata of Envoy's filters: there are none here. */
const FILTER_METADATA: Attribute = {
  isHttp: false,
  compile: () => () => false,
  see: () => "no metadata",
};

export const PRINCIPAL = identityAttribute((values) => {
  const withScheme = values.map((value) => (value.startsWith("*") ? value : SPIFFE + value));
  return compilePatterns(withScheme);
});
export const NAMESPACE = identityAttribute((values) => compileNamespaces(values));
export const SERVICE_ACCOUNT = identityAttribute((values, { policyNamespace }) =>
  compileServiceAccounts(values, policyNamespace),
);
export const TRUST_DOMAIN = identityAttribute((values) => {
  const holds = compilePatterns(values);
  return (identity) => {
    const end = identity.indexOf("/", SPIFFE.length);
    return holds(identity.slice(SPIFFE.length, end < 0 ? undefined : end));
  };
});
export const REQUEST_PRINCIPAL = tokenAttribute("a token of somebody else", (values) => {
  const tests = values.map(compileRequestPrincipal);
  return (claims) => tests.some((holds) => holds(claims));
});
export const SOURCE_IP = addressAttribute(({ sourceAddress }) => sourceAddress);
export const REMOTE_IP = addressAttribute(({ remoteAddress }) => remoteAddress);
const DESTINATION_IP = addressAttribute(({ destinationAddress }) => destinationAddress);
export const PORT = textAttribute(
  false,
  ({ destinationPort }) => String(destinationPort),
  comparePorts,
);
export const HOST = textAttribute(true, ({ authority }) => authority, compileHostPatterns);
export const METHOD = textAttribute(true, ({ method }) => method, compilePatterns);
export const PATH = textAttribute(
  true,
  ({ path }) => path,
  (values, { field }) => compilePaths(field, values),
);
const SNI = textAttribute(false, ({ sni }) => sni, compilePatterns);

/** `*` asks for presence alone, an empty header included; a value may be secret and is not shown. */
function headerAttribute(name: string): Attribute {
  return {
    isHttp: true,
    compile: (values) => {
      if (values.includes("*")) return (facts) => facts.header(name) !== undefined;
      const holds = compilePatterns(values);
      return (facts) => {
        const value = facts.header(name);
        return value !== undefined && holds(value);
      };
    },
    see: (facts) => (facts.header(name) === undefined ? "absent" : "another value"),
  };
}

const BY_KEY: ReadonlyMap<string, Attribute> = new Map([
  ["source.ip", SOURCE_IP],
  ["remote.ip", REMOTE_IP],
  ["source.namespace", NAMESPACE],
  ["source.principal", PRINCIPAL],
  ["source.serviceAccount", SERVICE_ACCOUNT],
  ["source.trustDomain", TRUST_DOMAIN],
  ["request.auth.principal", REQUEST_PRINCIPAL],
  ["request.auth.audiences", claimAttribute(["aud"])],
  ["request.auth.presenter", claimAttribute(["azp"])],
  ["destination.ip", DESTINATION_IP],
  ["destination.port", PORT],
  ["connection.sni", SNI],
]);

/** The attribute a `when` names. Throws `InvalidAuthorizationError` for one nobody knows. */
export function attributeOfKey(field: string, key: string): Attribute {
  const known = BY_KEY.get(key);
  if (known !== undefined) return known;
  const header = /^request\.headers\[([!#$%&'*+.^_`|~0-9A-Za-z-]+)\]$/.exec(key)?.[1];
  if (header !== undefined) return headerAttribute(header.toLowerCase());
  const claims = /^request\.auth\.claims((?:\[[^\][]+\])+)$/.exec(key)?.[1];
  if (claims !== undefined) return claimAttribute(claims.slice(1, -1).split("]["));
  if (key.startsWith("experimental.envoy.filters.")) return FILTER_METADATA;
  throw new InvalidAuthorizationError(
    field,
    key,
    `allowed are request.headers[name], request.auth.claims[name], ${[...BY_KEY.keys()].join(", ")}`,
  );
}
