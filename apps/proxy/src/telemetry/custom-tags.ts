import type { TelemetryWire } from "@heddle/contracts/control-stream";
import type { ReadHeader } from "../core/traffic-recorder.ts";

/** A span's tags beyond those every span has. */
export type Tags = readonly (readonly [name: string, value: string])[];
type WireTags = NonNullable<TelemetryWire["customTags"]>;

/** Credentials: no rule makes a proxy tell them, whatever it asks for. */
const SECRET_HEADERS = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "x-api-key",
  "x-forwarded-client-cert",
]);
/** The proxy's own settings, and what looks like a credential. */
const SECRET_VARIABLE =
  /^HEDDLE_|^DATABASE_URL$|TOKEN|SECRET|PASSW|PRIVATE|CREDENTIAL|API_?KEY|ACCESS_?KEY/i;
const MAX_TAGS = 32;
const MAX_VALUE_LENGTH = 256;

/** Custom tags as Telemetry documents name them; what never changes is worked out once. */
export class CustomTags {
  readonly #fixed: Tags;
  readonly #headers: readonly { tag: string; header: string; fallback: string | undefined }[];

  /** Tags beyond the 32nd are left out. */
  constructor(tags: WireTags, environment: Readonly<Record<string, string | undefined>>) {
    const entries = Object.entries(tags).slice(0, MAX_TAGS);
    this.#fixed = entries.flatMap(([name, tag]) => {
      const value = "literal" in tag ? tag.literal : fromEnvironment(tag, environment);
      return value === undefined ? [] : [[name, shortened(value)] as const];
    });
    this.#headers = entries.flatMap(([name, tag]) =>
      "header" in tag
        ? [{ tag: name, header: tag.header.toLowerCase(), fallback: tag.defaultValue }]
        : [],
    );
  }

  of(header: ReadHeader): Tags {
    if (this.#headers.length === 0) return this.#fixed;
    const read = this.#headers.flatMap(({ tag, header: name, fallback }) => {
      const value = (SECRET_HEADERS.has(name) ? undefined : header(name)) ?? fallback;
      return value === undefined ? [] : [[tag, shortened(value)] as const];
    });
    return [...this.#fixed, ...read];
  }
}

/**
 * The headers that rules look at as OpenTelemetry names them, and the names of those that were not there. Credentials
 * are in neither.
 */
export function matchedHeaderTags(names: readonly string[], header: ReadHeader): Tags {
  const told: [string, string][] = [];
  const absent: string[] = [];
  for (const name of names.slice(0, MAX_TAGS)) {
    if (SECRET_HEADERS.has(name)) continue;
    const value = header(name);
    if (value === undefined) absent.push(name);
    else if (value.length <= MAX_VALUE_LENGTH) told.push([`http.request.header.${name}`, value]);
  }
  return absent.length === 0 ? told : [...told, ["heddle.absent_headers", absent.join(",")]];
}

function fromEnvironment(
  tag: WireTags[string],
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (!("environment" in tag)) return undefined;
  const { environment: name, defaultValue } = tag;
  return SECRET_VARIABLE.test(name) ? defaultValue : (environment[name] ?? defaultValue);
}

function shortened(value: string): string {
  return value.length <= MAX_VALUE_LENGTH ? value : value.slice(0, MAX_VALUE_LENGTH);
}
