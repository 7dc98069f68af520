import type { LoginResponse, Problem } from "@heddle/contracts";
import type { Answer, RunningControlPlane } from "./running-control-plane.ts";
import { tokenFor } from "./running-control-plane.ts";

/** Speaks to the API with any bearer token, from any address. */
export type DoorClient = {
  ask<Body = Problem>(
    token: string | undefined,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body>>;
  /** As the console passes it on. */
  askFrom<Body = Problem>(
    address: string,
    token: string | undefined,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body> & { readonly retryAfter: string | null }>;
  /** A session of whoever holds a login link: an admin of the whole mesh. */
  adminSession(): Promise<string>;
  /** A local user with these grants, who has set a password and is logged in. */
  addUser(
    name: string,
    grants: readonly { readonly namespace: string; readonly role: string }[],
  ): Promise<string>;
};

export const PASSWORD = "correct horse battery";

export function doorOf(plane: RunningControlPlane): DoorClient {
  const askFrom = async <Body>(
    address: string,
    token: string | undefined,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body> & { readonly retryAfter: string | null }> => {
    const response = await fetch(`http://127.0.0.1:${plane.adminPort}/api/v1${path}`, {
      method,
      headers: {
        "content-type": "application/json",
        "user-agent": "door-test",
        "x-heddle-client-address": address,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      body: (await response.json()) as Body,
      retryAfter: response.headers.get("retry-after"),
    };
  };
  const ask = <Body>(
    token: string | undefined,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer<Body>> => askFrom("192.0.2.7", token, method, path, body);
  const adminSession = async () => {
    const token = await tokenFor("login", "admin");
    return (await ask<LoginResponse>(undefined, "POST", "/login", { token })).body.sessionToken;
  };
  return {
    ask,
    askFrom,
    adminSession,
    addUser: async (name, grants) => {
      const made = await plane.call<{ setupToken: string }>("POST", "/users", { name, grants });
      const request = { token: made.body.setupToken, password: PASSWORD };
      const { body } = await ask<LoginResponse>(undefined, "POST", "/setup", request);
      return body.sessionToken;
    },
  };
}
