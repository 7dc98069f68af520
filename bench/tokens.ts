// What a RequestAuthentication adds to one request, in the proxy's own code without the sockets: nanoseconds of
// CPU a request, the median of several rounds that take turns. A new token's price is CPU of all threads and the
// time the request waits. Run: npm run bench -- tokens.

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { RequestParser } from "@heddle/http1";
import type { JwtRule } from "@heddle/mesh";
import {
  Authentication,
  rewriteRequest,
  type TokenVerdict,
} from "../apps/proxy/src/inbound/authentication.ts";
import { InboundFacts } from "../apps/proxy/src/inbound/inbound-facts.ts";
import { Recorder } from "../apps/proxy/src/telemetry/recorder.ts";
import {
  type ActiveAuthentication,
  compileActiveAuthentication,
} from "../apps/proxy/src/tokens/active-authentication.ts";
import { fieldNames } from "../apps/proxy/src/transport/proxy-fields.ts";

const ROUNDS = 7;
const REQUESTS = 50_000;
const NEW_TOKENS = 400;
const ISSUER = "https://issuer.example";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const jwks = JSON.stringify({
  keys: [
    { ...ec.publicKey.export({ format: "jwk" }), kid: "ec", alg: "ES256" },
    { ...rsa.publicKey.export({ format: "jwk" }), kid: "rsa", alg: "RS256" },
  ],
});

function signToken(alg: "ES256" | "RS256", key: KeyObject, serial: number): string {
  const parts = [
    { alg, kid: alg === "ES256" ? "ec" : "rsa", typ: "JWT" },
    { iss: ISSUER, sub: "jo", aud: "shop", exp: 9_999_999_999, scope: "read write", jti: serial },
  ];
  const text = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

function requestWith(token: string | undefined): Buffer {
  return Buffer.from(
    [
      "GET /api/v1/reviews/17?sort=new HTTP/1.1",
      "Host: reviews.shop:9080",
      "User-Agent: bench/1.0",
      "Accept: */*",
      "Accept-Encoding: gzip, deflate",
      "Cookie: theme=dark; heddle-version=v2",
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      "X-Request-Id: 3d0f4c4e-8b1f-4cf5-9a55-2f4e8b1c0f1d",
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
      "\r\n",
    ].join("\r\n"),
  );
}

const parser = new RequestParser(fieldNames);
const caller = {
  ...{ peer: undefined, address: "10.0.0.7", localAddress: "10.0.0.8", serverName: undefined },
};
const recorder = new Recorder({ samplingRatio: 0.01, draw: Math.random });
const authentication = new Authentication(recorder, "shop/reviews");
const facts = new InboundFacts(parser, caller, 9080);

function active(rest: Partial<JwtRule> = {}): ActiveAuthentication {
  const rule: JwtRule = {
    ...{ issuer: ISSUER, audiences: ["shop"], jwks, fromHeaders: [], fromParams: [] },
    ...{ fromCookies: [], forwardsToken: true, claimHeaders: [], spaceDelimitedClaims: [] },
    isRequired: false,
    ...rest,
  };
  return compileActiveAuthentication(
    [{ namespace: "shop", name: "logins", rules: [rule] }],
    undefined,
  );
}

function readHead(head: Buffer): void {
  parser.reset();
  parser.parse(head, 0, head.length);
  parser.detach(head.length);
}

function goOn(rules: ActiveAuthentication, verdict: TokenVerdict): void {
  if (verdict.kind === "refused") throw new Error(verdict.reason);
  rewriteRequest(parser, rules, verdict);
}

/** With a token that is known already, or without any. */
async function known(token: string | undefined, rest?: Partial<JwtRule>): Promise<() => void> {
  const rules = active(rest);
  const head = requestWith(token);
  readHead(head);
  await authentication.check(rules, facts, Date.now());
  return () => {
    readHead(head);
    const verdict = authentication.check(rules, facts, Date.now());
    if (verdict instanceof Promise) throw new Error("the token was not known");
    goOn(rules, verdict);
  };
}

const token = signToken("ES256", ec.privateKey, 0);
const bare = requestWith(undefined);
const withToken = requestWith(token);
const CASES: Readonly<Record<string, () => void>> = {
  "(reading the head alone, without a token)": () => readHead(bare),
  "(reading the head alone, with a token)": () => readHead(withToken),
  "no token": await known(undefined),
  "known token, forwarded": await known(token),
  "known token, taken out": await known(token, { forwardsToken: false }),
  "known token, taken out, two claims in headers": await known(token, {
    forwardsToken: false,
    claimHeaders: [
      { header: "x-sub", claim: "sub" },
      { header: "x-scope", claim: "scope" },
    ],
  }),
};

function measure(one: () => void): number {
  const before = process.cpuUsage();
  for (let index = 0; index < REQUESTS; index++) one();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / REQUESTS;
}

async function measureNew(alg: "ES256" | "RS256"): Promise<[cpuUs: number, waitUs: number]> {
  const key = alg === "ES256" ? ec.privateKey : rsa.privateKey;
  const heads = Array.from({ length: NEW_TOKENS }, (_, n) =>
    requestWith(signToken(alg, key, n + 1)),
  );
  const rules = active();
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (const head of heads) {
    readHead(head);
    goOn(rules, await authentication.check(rules, facts, Date.now()));
  }
  const { user, system } = process.cpuUsage(before);
  return [(user + system) / NEW_TOKENS, ((performance.now() - startMs) * 1_000) / NEW_TOKENS];
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
}

const rounds = new Map(Object.keys(CASES).map((name) => [name, [] as number[]]));
for (let round = -1; round < ROUNDS; round++) {
  for (const [name, one] of Object.entries(CASES)) {
    const took = measure(one);
    if (round >= 0) rounds.get(name)?.push(took);
  }
}
for (const [name, times] of rounds)
  process.stdout.write(`${median(times).toFixed(0).padStart(7)} ns  ${name}\n`);
for (const alg of ["ES256", "RS256"] as const) {
  const all: [number, number][] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const one = await measureNew(alg);
    if (round >= 0) all.push(one);
  }
  const cpu = median(all.map(([us]) => us)).toFixed(0);
  const wait = median(all.map(([, us]) => us)).toFixed(0);
  process.stdout.write(`${cpu.padStart(7)} µs  new token, ${alg}; the request waits ${wait} µs\n`);
}
