import type { Card, CardRow, Thread } from "./graph-model.ts";

/**
 * The language of Find and Hide. `errors > 5 or mtls < 100`, `idle`, `pay and not failing`.
 *
 *   expression = all { "or" all }        all = term { ["and"] term }
 *   term = ["not"] ( field op number | state | text )
 *
 * Shares are in percent, latencies in milliseconds. A figure that is not known matches no comparison.
 */
export type FindExpression =
  | { readonly kind: "any" | "all"; readonly terms: readonly FindExpression[] }
  | { readonly kind: "not"; readonly term: FindExpression }
  | {
      readonly kind: "figure";
      readonly field: Field;
      readonly op: Operator;
      readonly value: number;
    }
  | { readonly kind: "state"; readonly state: State }
  | { readonly kind: "text"; readonly text: string };

export type ParsedFind =
  | { readonly ok: true; readonly expression: FindExpression | undefined } // undefined: nothing typed
  | { readonly ok: false; readonly message: string };

const FIELDS = ["errors", "rate", "p50", "p95", "p99", "mtls"] as const;
const STATES = [
  "healthy",
  "degraded",
  "failing",
  "idle",
  "unknown",
  "outside",
  "external",
  "canary",
] as const;
const OPERATORS = ["<", "<=", ">", ">=", "=", "!="] as const;

type Field = (typeof FIELDS)[number];
type State = (typeof STATES)[number];
type Operator = (typeof OPERATORS)[number];

/** What an expression is asked about: a row of a card, or a thread. */
export type FindSubject = {
  /** Empty for threads: a name finds services, not calls. */
  readonly name: string;
  readonly states: readonly State[];
  readonly figures: Readonly<Record<Field, number | undefined>>;
};

export function parseFind(input: string): ParsedFind {
  const tokens = input.toLowerCase().match(/<=|>=|!=|[<>=]|[^\s<>=!]+|!/g) ?? [];
  if (tokens.length === 0) return { ok: true, expression: undefined };
  const parser = { tokens, at: 0 };
  const parsed = parseAny(parser);
  if (!parsed.ok || parser.at === tokens.length) return parsed;
  return fault(`"${tokens[parser.at]}" stands where "and", "or" or the end is expected`);
}

type Parser = { readonly tokens: readonly string[]; at: number };
type ParsedTerm = { readonly ok: true; readonly expression: FindExpression } | Fault;
type Fault = { readonly ok: false; readonly message: string };

function fault(message: string): Fault {
  return { ok: false, message };
}

function parseAny(parser: Parser): ParsedTerm {
  return parseList(parser, "any", parseAll, () => take(parser, "or"));
}

function parseAll(parser: Parser): ParsedTerm {
  return parseList(parser, "all", parseTerm, () => {
    const next = parser.tokens[parser.at];
    return take(parser, "and") || (next !== undefined && next !== "or");
  });
}

function parseList(
  parser: Parser,
  kind: "any" | "all",
  parseOne: (parser: Parser) => ParsedTerm,
  hasMore: () => boolean,
): ParsedTerm {
  const terms: FindExpression[] = [];
  do {
    const parsed = parseOne(parser);
    if (!parsed.ok) return parsed;
    terms.push(parsed.expression);
  } while (hasMore());
  const [only] = terms;
  if (only !== undefined && terms.length === 1) return { ok: true, expression: only };
  return { ok: true, expression: { kind, terms } };
}

function take(parser: Parser, word: string): boolean {
  if (parser.tokens[parser.at] !== word) return false;
  parser.at++;
  return true;
}

function parseTerm(parser: Parser): ParsedTerm {
  if (take(parser, "not")) {
    const parsed = parseTerm(parser);
    return parsed.ok ? { ok: true, expression: { kind: "not", term: parsed.expression } } : parsed;
  }
  const word = parser.tokens[parser.at++];
  if (word === undefined) return fault("something must follow at the end");
  const op = OPERATORS.find((one) => one === parser.tokens[parser.at]);
  if (op !== undefined) return parseFigure(parser, word, op);
  if (!/^[\p{L}\p{N}]/u.test(word) || word === "and" || word === "or") {
    return fault(`"${word}" needs a name or a figure before it`);
  }
  const state = STATES.find((one) => one === word);
  if (state !== undefined) return { ok: true, expression: { kind: "state", state } };
  return { ok: true, expression: { kind: "text", text: word } };
}

function parseFigure(parser: Parser, word: string, op: Operator): ParsedTerm {
  parser.at++;
  const field = FIELDS.find((one) => one === (word === "rps" ? "rate" : word));
  if (field === undefined)
    return fault(`"${word}" is not a figure; there are ${FIELDS.join(", ")}`);
  const number = parser.tokens[parser.at++];
  const value = Number(number);
  if (number === undefined || !Number.isFinite(value)) {
    return fault(`${field} ${op} needs a number${number === undefined ? "" : `, not "${number}"`}`);
  }
  return { ok: true, expression: { kind: "figure", field, op, value } };
}

export function matches(expression: FindExpression, subject: FindSubject): boolean {
  switch (expression.kind) {
    case "any":
      return expression.terms.some((term) => matches(term, subject));
    case "all":
      return expression.terms.every((term) => matches(term, subject));
    case "not":
      return !matches(expression.term, subject);
    case "state":
      return subject.states.includes(expression.state);
    case "text":
      return subject.name.includes(expression.text);
    default:
      return compares(subject.figures[expression.field], expression.op, expression.value);
  }
}

function compares(figure: number | undefined, op: Operator, value: number): boolean {
  if (figure === undefined) return false;
  switch (op) {
    case "<":
      return figure < value;
    case "<=":
      return figure <= value;
    case ">":
      return figure > value;
    case ">=":
      return figure >= value;
    case "=":
      return figure === value;
    default:
      return figure !== value;
  }
}

export function rowSubject(card: Card, row: CardRow): FindSubject {
  const { signals, kind } = row.node;
  return {
    name: `${card.title} ${row.label} ${row.node.workload ?? ""} ${row.node.address ?? ""}`.toLowerCase(),
    states: [
      ...STATES.filter((state) => state === row.status || state === kind),
      ...(row.isCanary ? (["canary"] as const) : []),
    ],
    figures: { ...figuresOf(signals), mtls: percent(card.mtlsRatio) },
  };
}

export function threadSubject(thread: Thread): FindSubject {
  return {
    name: "",
    states: STATES.filter((state) => state === thread.status),
    figures: { ...figuresOf(thread.edge.signals), mtls: percent(thread.edge.mtlsRatio) },
  };
}

function figuresOf(signals: Thread["edge"]["signals"]): Omit<FindSubject["figures"], "mtls"> {
  return {
    errors: percent(signals.errorRatio),
    rate: signals.requestsPerSecond,
    p50: signals.p50Ms,
    p95: signals.p95Ms,
    p99: signals.p99Ms,
  };
}

function percent(ratio: number | undefined): number | undefined {
  return ratio === undefined ? undefined : ratio * 100;
}
