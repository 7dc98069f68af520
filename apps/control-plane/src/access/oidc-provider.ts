import type { Grant } from "@heddle/mesh";
import { HeddleError, type Logger, toHeddleError } from "@heddle/runtime";
import { EncryptJWT, jwtDecrypt } from "jose";
import * as openid from "openid-client";
import { type GrantRule, grantsOfClaim } from "./oidc-grants.ts";
import { RESERVED_NAMES } from "./reserved-names.ts";

/** The provider that people may log in by, and what it makes of them. */
export type OidcConfig = {
  readonly issuer: URL;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: string;
  /** As the login page says it: "Sign in with …". */
  readonly name: string;
  readonly groupsClaim: string;
  readonly grantRules: readonly GrantRule[];
  /** Where the provider sends the browser back to; it has to know this address. */
  readonly redirectUri: URL;
};

/** Somebody whom the provider vouches for. */
export type OidcPerson = {
  /** `<issuer>|<sub>`: who it is for good, whatever the name. */
  readonly subject: string;
  readonly name: string;
  readonly displayName: string | undefined;
  readonly grants: readonly Grant[];
};

/** The provider did not vouch for anybody; the message is for the log, not for the browser. */
export class OidcRefusedError extends HeddleError {
  override readonly name = "OidcRefusedError";
  constructor(why: string, options?: ErrorOptions) {
    super("HEDDLE_LOGIN_REFUSED", why, options);
  }
}

/** The provider does not answer. */
export class OidcUnavailableError extends HeddleError {
  override readonly name = "OidcUnavailableError";
  constructor(issuer: URL, cause: unknown) {
    super("HEDDLE_LOGIN_UNAVAILABLE", `the login provider ${issuer.host} does not answer`, {
      cause,
    });
  }
}

const FLOW_TTL = "10m";
const TIMEOUT_SECONDS = 10;
const USER_NAME = /^[a-z0-9][a-z0-9._@+-]{0,127}$/;

/** Authorization code with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636, RFC 9207). */
export class OidcProvider {
  readonly name: string;
  readonly #config: OidcConfig;
  readonly #sealKey: Uint8Array;
  readonly #logger: Logger;
  #discovered: Promise<openid.Configuration> | undefined;

  /** `sealKey`: 32 bytes that seal what a browser keeps while it is at the provider. */
  constructor(config: OidcConfig, sealKey: Uint8Array, logger: Logger) {
    this.name = config.name;
    this.#config = config;
    this.#sealKey = sealKey;
    this.#logger = logger;
  }

  /** Where to send the browser, and what it has to bring back. Throws `OidcUnavailableError`. */
  async start(next: string): Promise<{ readonly authorizationUrl: string; readonly flow: string }> {
    const provider = await this.#discover();
    const verifier = openid.randomPKCECodeVerifier();
    const [state, nonce] = [openid.randomState(), openid.randomNonce()];
    const url = openid.buildAuthorizationUrl(provider, {
      redirect_uri: this.#config.redirectUri.href,
      scope: this.#config.scopes,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    const flow = await new EncryptJWT({ verifier, state, nonce, next })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .setIssuedAt()
      .setExpirationTime(FLOW_TTL)
      .encrypt(this.#sealKey);
    return { authorizationUrl: url.href, flow };
  }

  /** Who came back, by what the provider says. Throws `OidcRefusedError`, `OidcUnavailableError`. */
  async finish(
    sealedFlow: string,
    query: string,
  ): Promise<{ readonly person: OidcPerson; readonly next: string }> {
    const flow = await this.#open(sealedFlow);
    const provider = await this.#discover();
    const returned = new URL(this.#config.redirectUri);
    returned.search = query;
    try {
      const tokens = await openid.authorizationCodeGrant(provider, returned, {
        pkceCodeVerifier: flow.verifier,
        expectedState: flow.state,
        expectedNonce: flow.nonce,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (!claims) throw new OidcRefusedError("the provider sent no ID token");
      const described = { ...claims, ...(await this.#moreClaims(provider, tokens, claims)) };
      return { person: this.#personOf(claims.sub, described), next: flow.next };
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** What the ID token leaves out, if there is a place to ask for it. */
  async #moreClaims(
    provider: openid.Configuration,
    tokens: openid.TokenEndpointResponse,
    claims: openid.IDToken,
  ): Promise<Readonly<Record<string, unknown>>> {
    if (provider.serverMetadata().userinfo_endpoint === undefined) return {};
    return openid.fetchUserInfo(provider, tokens.access_token, claims.sub);
  }

  #personOf(sub: string, claims: Readonly<Record<string, unknown>>): OidcPerson {
    const { issuer, groupsClaim, grantRules } = this.#config;
    const email = claims["email_verified"] === false ? undefined : claims["email"];
    const names = [claims["preferred_username"], email, sub].map((name) =>
      typeof name === "string" ? name.toLowerCase() : "",
    );
    const name = names.find((one) => USER_NAME.test(one) && !RESERVED_NAMES.has(one));
    if (name === undefined) {
      throw new OidcRefusedError("no preferred_username, email or sub can be a user's name here");
    }
    return {
      subject: `${issuer.href}|${sub}`,
      name,
      displayName: typeof claims["name"] === "string" ? claims["name"].slice(0, 200) : undefined,
      grants: grantsOfClaim(grantRules, claims[groupsClaim]),
    };
  }

  async #open(sealed: string) {
    try {
      const { payload } = await jwtDecrypt(sealed, this.#sealKey, {
        keyManagementAlgorithms: ["dir"],
        contentEncryptionAlgorithms: ["A256GCM"],
      });
      const text = (name: string) => {
        const value = payload[name];
        return typeof value === "string" ? value : "";
      };
      return {
        verifier: text("verifier"),
        state: text("state"),
        nonce: text("nonce"),
        next: text("next"),
      };
    } catch (cause) {
      throw new OidcRefusedError("the login was not begun here, or more than 10 min ago", {
        cause,
      });
    }
  }

  /** Asked once, and again after a failure. */
  async #discover(): Promise<openid.Configuration> {
    const { issuer, clientId, clientSecret } = this.#config;
    this.#discovered ??= openid.discovery(issuer, clientId, clientSecret, undefined, {
      timeout: TIMEOUT_SECONDS,
      execute: isLoopback(issuer) ? [openid.allowInsecureRequests] : [],
    });
    try {
      return await this.#discovered;
    } catch (error) {
      this.#discovered = undefined;
      this.#logger.warn({ err: toHeddleError(error) }, "the login provider does not answer");
      throw new OidcUnavailableError(issuer, error);
    }
  }

  #explain(error: unknown): HeddleError {
    if (error instanceof HeddleError) return error;
    if (error instanceof TypeError || (error instanceof Error && error.name === "TimeoutError")) {
      return new OidcUnavailableError(this.#config.issuer, error); // fetch: no answer
    }
    const why = error instanceof Error ? error.message : String(error);
    return new OidcRefusedError(`the provider's answer was not taken: ${why}`, { cause: error });
  }
}

/** Only a provider on this very machine may speak without TLS. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\./.test(hostname);
}
