import { type CompiledTime, compileStartTime } from "./start-time.ts";

/** What of an exchange, beyond its headers, a format string may name; Envoy's names. */
export const FORMAT_OPERATORS = [
  "PROTOCOL",
  "RESPONSE_CODE",
  "RESPONSE_CODE_DETAILS",
  "RESPONSE_FLAGS",
  "DOWNSTREAM_REMOTE_ADDRESS",
  "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_REMOTE_PORT",
  "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
  "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_LOCAL_ADDRESS",
  "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
  "DOWNSTREAM_LOCAL_PORT",
  "DOWNSTREAM_LOCAL_URI_SAN",
  "DOWNSTREAM_PEER_URI_SAN",
  "UPSTREAM_HOST",
  "UPSTREAM_CLUSTER",
  "UPSTREAM_REQUEST_ATTEMPT_COUNT",
  "REQUESTED_SERVER_NAME",
  "ROUTE_NAME",
  "HOSTNAME",
  "TRACE_ID",
] as const;
export type FormatOperator = (typeof FORMAT_OPERATORS)[number];

/** What format strings read; only what a rule names is asked for. */
export interface FormatFacts {
  /** By lower-case name, as the client sent it; `:method`, `:path` (with query), `:authority`, `:scheme` too. */
  requestHeader(name: string): string | undefined;
  /** `:status` too; `undefined` while there is no response. */
  responseHeader(name: string): string | undefined;
  /** Epoch ms at which the request began. */
  readonly startTimeMs: number;
  formatValue(operator: FormatOperator): string | undefined;
}

/** A text, or what makes one from the facts of an exchange. */
export type CompiledFormat = string | ((facts: FormatFacts) => string);

/** Finds a header's value; levels of header operations see what earlier levels did. */
export type HeaderReader = (name: string) => (facts: FormatFacts) => string | undefined;
export type HeaderReaders = { readonly request: HeaderReader; readonly response: HeaderReader };

/** A format string names what Heddle does not know, or does not end. */
export class InvalidFormatError extends Error {
  override readonly name = "InvalidFormatError";
  readonly code = "HEDDLE_INVALID_FORMAT";
  readonly format: string;
  constructor(format: string, reason: string) {
    super(`format string ${JSON.stringify(format)}: ${reason}`);
    this.format = format;
  }
}

export const PLAIN_READERS: HeaderReaders = {
  request: (name) => (facts) => facts.requestHeader(name),
  response: (name) => (facts) => facts.responseHeader(name),
};

/**
 * Compiles Envoy's substitution format: `%REQ(X?Y):Z%`, `%RESP(X)%`, `%START_TIME(format)%` and the
 * operators above; `%%` is a percent sign. What is not there is the empty text, as Envoy has it for
 * header values. Throws `InvalidFormatError`.
 */
export function compileFormat(format: string, readers = PLAIN_READERS): CompiledFormat {
  const parts = splitFormat(format).map((part) =>
    typeof part === "string" ? part : compileCommand(format, part.command, readers),
  );
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  return (facts) => {
    let text = "";
    for (const part of parts) text += typeof part === "string" ? part : part(facts);
    return text;
  };
}

const COMMAND = /^([A-Z][A-Z0-9_]*)(?:\(([^()]*)\))?(?::(\d{1,5}))?$/;

function splitFormat(format: string): (string | { command: string })[] {
  const parts: (string | { command: string })[] = [];
  let start = 0;
  while (start < format.length) {
    const open = format.indexOf("%", start);
    if (open < 0) {
      parts.push(format.slice(start));
      break;
    }
    if (open > start) parts.push(format.slice(start, open));
    const close = endOfCommand(format, open);
    parts.push(close === open + 1 ? "%" : { command: format.slice(open + 1, close) });
    start = close + 1;
  }
  return parts;
}

/** Inside parentheses a percent sign belongs to the argument: `%START_TIME(%s)%`. */
function endOfCommand(format: string, open: number): number {
  const percent = format.indexOf("%", open + 1);
  const bracket = format.indexOf("(", open + 1);
  const isArgument = bracket > open && bracket < percent;
  const close = isArgument ? format.indexOf("%", format.indexOf(")", bracket)) : percent;
  if (percent < 0 || close < 0 || (isArgument && format.indexOf(")", bracket) < 0)) {
    throw new InvalidFormatError(
      format,
      `"${format.slice(open)}" has no closing percent sign; write %% for a percent sign`,
    );
  }
  return close;
}

function compileCommand(
  format: string,
  command: string,
  readers: HeaderReaders,
): (facts: FormatFacts) => string {
  const match = COMMAND.exec(command);
  const [, operator = "", argument, length] = match ?? [];
  const read = compileOperator(format, operator, argument, readers);
  if (read === undefined) {
    throw new InvalidFormatError(
      format,
      `%${command}% is not known; there are REQ(x), REQ(x?y), RESP(x), START_TIME, ${FORMAT_OPERATORS.join(", ")}`,
    );
  }
  if (length === undefined) return (facts) => read(facts) ?? "";
  const end = Number(length);
  return (facts) => (read(facts) ?? "").slice(0, end);
}

function compileOperator(
  format: string,
  operator: string,
  argument: string | undefined,
  readers: HeaderReaders,
): ((facts: FormatFacts) => string | undefined) | undefined {
  if (operator === "REQ") return compileHeader(format, argument, readers.request);
  if (operator === "RESP") return compileHeader(format, argument, readers.response);
  if (operator === "START_TIME") {
    const time: CompiledTime | undefined = compileStartTime(argument ?? "");
    if (time === undefined) {
      throw new InvalidFormatError(
        format,
        `START_TIME(${argument}) is not known; there are %Y %m %d %H %M %S %F %T %s, %f and %1f to %9f`,
      );
    }
    return (facts) => time(facts.startTimeMs);
  }
  if (argument !== undefined || !isFormatOperator(operator)) return undefined;
  return (facts) => facts.formatValue(operator);
}

function compileHeader(
  format: string,
  argument: string | undefined,
  reader: HeaderReader,
): (facts: FormatFacts) => string | undefined {
  const [name = "", other, ...rest] = (argument ?? "").toLowerCase().split("?");
  const isName = (text: string) => /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(text);
  if (!isName(name) || (other !== undefined && !isName(other)) || rest.length > 0) {
    throw new InvalidFormatError(
      format,
      `"(${argument ?? ""})" must name a header, or two as (x?y)`,
    );
  }
  const first = reader(name);
  if (other === undefined) return first;
  const second = reader(other);
  return (facts) => first(facts) || second(facts);
}

function isFormatOperator(text: string): text is FormatOperator {
  return (FORMAT_OPERATORS as readonly string[]).includes(text);
}
