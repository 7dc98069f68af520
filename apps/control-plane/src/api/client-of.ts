import type { IncomingMessage } from "node:http";
import type { Context } from "hono";

/** From where a request comes, as audit log and sessions show it. */
export type Client = { readonly address: string; readonly agent: string };

const LONGEST_AGENT = 120;

/**
 * The address the console saw, for requests it passed on (it alone reaches this port, which is why it is
 * believed), else the one that connected.
 */
export function clientOf(context: Context): Client {
  const socket = (context.env as { incoming?: IncomingMessage } | undefined)?.incoming?.socket;
  const told = context.req.header("x-heddle-client-address");
  const address = told !== undefined && /^[\da-fA-F:.]{2,45}$/.test(told) ? told : undefined;
  return {
    address: (address ?? socket?.remoteAddress ?? "unknown").replace(/^::ffff:/, ""),
    agent: shortAgent(context.req.header("user-agent") ?? ""),
  };
}

/** `Chrome 142 on Linux`; what is not a known browser as it calls itself, clipped. */
export function shortAgent(agent: string): string {
  const browser = /\b(?:Headless)?(Edg|OPR|Firefox|Chrome|Version)\/(\d+)/.exec(agent);
  const system = /\b(Windows|Android|iPhone|iPad|Mac OS X|CrOS|Linux)\b/.exec(agent)?.[1];
  if (!browser || !agent.startsWith("Mozilla/")) return agent.slice(0, LONGEST_AGENT);
  const found = /\b(Edg|OPR)\/(\d+)/.exec(agent) ?? browser;
  const names: Readonly<Record<string, string>> = { Edg: "Edge", OPR: "Opera", Version: "Safari" };
  const name = names[found[1] ?? ""] ?? found[1];
  const os = system === "Mac OS X" ? "macOS" : system;
  return `${name} ${found[2]}${os === undefined ? "" : ` on ${os}`}`;
}
