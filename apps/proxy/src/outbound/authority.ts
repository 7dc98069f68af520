/** Host and port of an authority; an IPv6 address comes without its brackets. */
export type HostPort = { readonly host: string; readonly port: number };

/** Takes `host[:port]` apart. `undefined`: the port is none, or the host is empty. */
export function parseAuthority(authority: string, defaultPort: number): HostPort | undefined {
  const bracket = authority.lastIndexOf("]");
  const colon = authority.lastIndexOf(":");
  const hasPort = colon > bracket;
  const name = (hasPort ? authority.slice(0, colon) : authority).toLowerCase();
  const host = name.startsWith("[") ? name.slice(1, -1) : name;
  const text = hasPort ? authority.slice(colon + 1) : "";
  const port = text === "" ? defaultPort : Number(text);
  if (host === "" || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { host, port };
}
