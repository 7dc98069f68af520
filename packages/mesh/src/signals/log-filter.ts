/**
 * A filter of the access log: the part of CEL that Istio's examples use. Comparisons of
 * `response.code`, `response.grpc_status`, `request.duration`, `request.size` and `response.size` with
 * literals, `true`, `false`, `!`, `&&`, `||` and parentheses. Sizes are bytes of bodies.
 */
export type LogFilter = (facts: LogFacts) => boolean;

/** What became of an exchange, as filters look at it. */
export type LogFacts = {
  readonly code: number; // 0: no answer
  readonly grpcStatus: number; // 0 where the request is no gRPC call, too
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
};

/** An expression beyond that part of CEL; the message names what and says what can be used. */
export class InvalidLogFilterError extends Error {
  override readonly name = "InvalidLogFilterError";
  readonly code = "HEDDLE_INVALID_LOG_FILTER";
  readonly expression: string;
  constructor(expression: string, problem: string) {
    super(
      `expression "${expression}": ${problem}; an access log filter may compare ${ATTRIBUTES} with numbers, or request.duration with duration("500ms"), joined by &&, ||, ! and parentheses`,
    );
    this.expression = expression;
  }
}

const NUMBERS: Readonly<Record<string, (facts: LogFacts) => number>> = {
  "response.code": (facts) => facts.code,
  "response.grpc_status": (facts) => facts.grpcStatus,
  "request.size": (facts) => facts.requestBytes,
  "response.size": (facts) => facts.responseBytes,
};
const ATTRIBUTES = Object.keys(NUMBERS).join(", ");
const DURATION = "request.duration";

const COMPARE: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
};
/** `400 <= response.code` says the same as `response.code >= 400`. */
const TURNED: Readonly<Record<string, string>> = { ">=": "<=", "<=": ">=", ">": "<", "<": ">" };

const TOKEN =
  /\s*(?:(duration\(\s*(?:"[^"]*"|'[^']*')\s*\))|(-?\d+(?:\.\d+)?)(?![\w.])|([A-Za-z_][\w.]*)|(&&|\|\||[=!<>]=|[()!<>]))/y;
const PART_OF_DURATION = /(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)/y;
const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 0.001,
  ns: 0.000001,
};
const MAX_LENGTH = 1_024;
const MAX_DEPTH = 32;

/** Compiles an expression once for many exchanges. Throws `InvalidLogFilterError`. */
export function compileLogFilter(expression: string): LogFilter {
  return new FilterReader(expression).read();
}

type Token = { readonly kind: "duration" | "number" | "name" | "sign"; readonly text: string };
type Operand =
  | { readonly kind: "attribute"; readonly name: string }
  | { readonly kind: "literal"; readonly value: number; readonly isDuration: boolean };

/** Recursive descent in CEL's order: `||`, `&&`, `!`, comparisons. */
class FilterReader {
  readonly #expression: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(expression: string) {
    this.#expression = expression;
    this.#tokens = this.#split();
  }

  read(): LogFilter {
    const filter = this.#either();
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw this.#problem(`"${rest.text}" is not expected`);
    return filter;
  }

  #either(): LogFilter {
    let filter = this.#both();
    while (this.#takes("||")) {
      const left = filter;
      const right = this.#both();
      filter = (facts) => left(facts) || right(facts);
    }
    return filter;
  }

  #both(): LogFilter {
    let filter = this.#one();
    while (this.#takes("&&")) {
      const left = filter;
      const right = this.#one();
      filter = (facts) => left(facts) && right(facts);
    }
    return filter;
  }

  #one(): LogFilter {
    if (++this.#depth > MAX_DEPTH) throw this.#problem("it is nested too deeply");
    const filter = this.#unary();
    this.#depth--;
    return filter;
  }

  #unary(): LogFilter {
    if (this.#takes("!")) {
      const inner = this.#one();
      return (facts) => !inner(facts);
    }
    if (this.#takes("(")) {
      const inner = this.#either();
      if (!this.#takes(")")) throw this.#problem('a ")" is missing');
      return inner;
    }
    if (this.#takes("true")) return () => true;
    if (this.#takes("false")) return () => false;
    return this.#comparison();
  }

  #comparison(): LogFilter {
    const left = this.#operand();
    const sign = this.#tokens[this.#at++];
    const compare = sign && COMPARE[sign.text];
    if (!compare) throw this.#problem("a comparison (==, !=, <, <=, >, >=) is missing");
    const right = this.#operand();
    if (left.kind === "attribute" && right.kind === "literal") {
      return this.#compared(left.name, sign.text, right);
    }
    if (left.kind === "literal" && right.kind === "attribute") {
      return this.#compared(right.name, TURNED[sign.text] ?? sign.text, left);
    }
    throw this.#problem("an attribute can only be compared with a literal");
  }

  #compared(name: string, sign: string, literal: Operand & { kind: "literal" }): LogFilter {
    const compare = COMPARE[sign] as (a: number, b: number) => boolean;
    const { value, isDuration } = literal;
    if (name === DURATION) {
      if (!isDuration) throw this.#problem(`${DURATION} needs a duration("500ms")`);
      return (facts) => compare(facts.durationMs, value);
    }
    const read = NUMBERS[name];
    if (!read) throw this.#problem(`"${name}" is not known`);
    if (isDuration) throw this.#problem(`${name} is a number, no duration`);
    return (facts) => compare(read(facts), value);
  }

  #operand(): Operand {
    const token = this.#tokens[this.#at++];
    switch (token?.kind) {
      case "name":
        if (token.text !== DURATION && !Object.hasOwn(NUMBERS, token.text)) {
          throw this.#problem(`"${token.text}" is not known`);
        }
        return { kind: "attribute", name: token.text };
      case "number":
        return { kind: "literal", value: Number(token.text), isDuration: false };
      case "duration":
        return { kind: "literal", value: this.#duration(token.text), isDuration: true };
      default:
        throw this.#problem(token ? `"${token.text}" is not expected` : "it ends too soon");
    }
  }

  /** CEL takes durations as Go writes them: `1m30s`, `500ms`. */
  #duration(text: string): number {
    const quoted = text.slice(text.search(/["']/) + 1, text.search(/["']\s*\)$/));
    PART_OF_DURATION.lastIndex = 0;
    let ms = 0;
    let end = 0;
    for (let part = PART_OF_DURATION.exec(quoted); part; part = PART_OF_DURATION.exec(quoted)) {
      ms += Number(part[1]) * (UNIT_MS[part[2] as string] as number);
      end = PART_OF_DURATION.lastIndex;
    }
    if (end === 0 || end !== quoted.length) throw this.#problem(`"${quoted}" is no duration`);
    return ms;
  }

  #takes(text: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.text !== text || token.kind === "duration") return false;
    this.#at++;
    return true;
  }

  #split(): Token[] {
    const expression = this.#expression;
    if (expression.length > MAX_LENGTH) {
      throw this.#problem(`it has ${expression.length} characters, at most ${MAX_LENGTH} are read`);
    }
    const tokens: Token[] = [];
    const end = expression.trimEnd().length;
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < end) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(expression);
      if (!match) throw this.#problem(`"${expression.slice(from).trim()}" is not understood`);
      const [, duration, number, name, sign] = match;
      if (duration !== undefined) tokens.push({ kind: "duration", text: duration });
      else if (number !== undefined) tokens.push({ kind: "number", text: number });
      else if (name !== undefined) tokens.push({ kind: "name", text: name });
      else tokens.push({ kind: "sign", text: sign as string });
    }
    if (tokens.length === 0) throw this.#problem("it is empty");
    return tokens;
  }

  #problem(problem: string): InvalidLogFilterError {
    return new InvalidLogFilterError(this.#expression, problem);
  }
}
