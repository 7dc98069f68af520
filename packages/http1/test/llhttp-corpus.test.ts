import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readMessages } from "./read-messages.ts";

const corpus = join(process.env["HEDDLE_CORPORA"] ?? import.meta.dirname, "llhttp");

type Case = {
  file: string;
  title: string;
  kind: "request" | "response";
  bytes: Buffer;
  log: string;
  isEnded: boolean;
  /** What llhttp was told to overlook. */
  leniency: string | undefined;
};

/**
 * Where Heddle refuses what llhttp takes, by the fault it answers with and the reason. A case that
 * is refused for any other reason fails.
 */
const STRICTER: Readonly<Record<string, { pattern: RegExp; why: string }[]>> = {
  HOST: [{ pattern: /no Host/, why: "RFC 9112 §3.2: a 1.1 request without Host is answered 400" }],
  TARGET: [
    { pattern: /byte 0x0d/, why: "HTTP/0.9 has no version in its request line; it is not spoken" },
    { pattern: /byte 0x23/, why: "a request target has no fragment (RFC 9112 §3.2)" },
    { pattern: /belongs to OPTIONS/, why: "only OPTIONS has the asterisk form (RFC 9112 §3.2.4)" },
    {
      pattern: /neither a path nor an http URI/,
      why: "userinfo and other schemes have no meaning here",
    },
    { pattern: /declares a body/, why: "content of CONNECT has no meaning (RFC 9110 §9.3.6)" },
    { pattern: /wants host:port/, why: "CONNECT names host and port (RFC 9112 §3.2.3)" },
  ],
  VERSION: [{ pattern: /./, why: "only HTTP/1.0 and 1.1 are spoken: no 0.9, RTSP, ICE or 2.0" }],
  TRANSFER_ENCODING: [
    { pattern: /not exactly/, why: "any coding but a lone `chunked` is a smuggling vector" },
    {
      pattern: /one message/,
      why: "Content-Length beside Transfer-Encoding is refused on both sides",
    },
    { pattern: /HTTP\/1.0/, why: "1.0 has no transfer codings (RFC 9112 §6.1)" },
    { pattern: /repeated/, why: "a repeated Transfer-Encoding is refused, even when equal" },
    { pattern: /in a \d+ response/, why: "no coding where no body may be (RFC 9112 §6.1)" },
  ],
  CONTENT_LENGTH: [{ pattern: /repeated/, why: "a repeated length is refused, even when equal" }],
  METHOD: [
    { pattern: /starts with byte 0x0[ad]/, why: "one empty line may precede a request, with CRLF" },
    { pattern: /is not a method/, why: "methods of RTSP and ICE, and PRI of HTTP/2" },
  ],
  LINE_END: [{ pattern: /before the request line/, why: "a lone CR is no empty line" }],
  FIELD_VALUE: [{ pattern: /byte 0x0c|byte 0x7f/, why: "no control characters (RFC 9110 §5.5)" }],
  CONNECTION: [
    {
      pattern: /bytes follow/,
      why: "nothing is read after `close`, not even behind an empty line",
    },
    { pattern: /ends no hop/, why: "nominating a framing field would desynchronise" },
  ],
};

/** Cases that cannot be compared at all. */
const INCOMPARABLE: Readonly<Record<string, string>> = {
  "pausing.md": "pausing is a mode of llhttp's API; the same bytes are covered elsewhere",
};

function unescape(text: string): Buffer {
  const lines = text.replace(/\n/g, "\r\n");
  const joined = lines.replace(/\\\r\n/g, "");
  const decoded = joined
    .replace(/\\r/g, "\r")
    .replace(/\\n/g, "\n")
    .replace(/\\t/g, "\t")
    .replace(/\\f/g, "\f")
    .replace(/\\x([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replace(/\\([0-7]{2,3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
  return /[^\0-\xff]/.test(decoded) ? Buffer.from(decoded, "utf8") : Buffer.from(decoded, "latin1");
}

function casesOf(file: string): Case[] {
  const text = readFileSync(join(corpus, file), "utf8");
  const pattern =
    /<!--\s*meta=(\{[^>]*\})\s*-->\s*```http\n([\s\S]*?)\n?```\s*```log\n([\s\S]*?)```/g;
  return [...text.matchAll(pattern)].flatMap((match) => {
    const [, metaText = "", http = "", log = ""] = match;
    const meta = JSON.parse(metaText) as { type: string; skipBody?: boolean; noScan?: boolean };
    const before = text.slice(0, match.index);
    const title = [...before.matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "untitled";
    const type = meta.type;
    const kind = type.startsWith("response") ? "response" : "request";
    if (type === "url" || meta.skipBody === true) return [];
    const isEnded = type.includes("finish");
    const leniency = /lenient-.*/.exec(type)?.[0];
    return [{ file, title, kind, bytes: unescape(http), log, isEnded, leniency }];
  });
}

const ADDED_HOST = "hOsT";

type Expected = { startLine: string; fields: [string, string][]; body: string };

/** The messages a trace tells of, as far as it tells them. */
function expectedOf(log: string): Expected[] {
  const messages: Expected[] = [];
  let field = "";
  for (const line of log.split("\n")) {
    if (line.includes("message begin")) messages.push({ startLine: "", fields: [], body: "" });
    const current = messages.at(-1);
    const span = /span\[(\w+)\]=(?:"(.*)"|(lf|cr))$/.exec(line);
    if (current === undefined || span === null) continue;
    const text = (span[2] ?? "").replaceAll("\\t", "\t").replaceAll("\\f", "\f");
    const value = span[3] === "lf" ? "\n" : span[3] === "cr" ? "\r" : text;
    if (span[1] === "header_field") field = value;
    if (span[1] === "header_value") current.fields.push([field, value.trim()]);
    if (span[1] === "body") current.body += value;
    if (span[1] === "url") current.startLine += value;
  }
  return messages;
}

const files = existsSync(corpus)
  ? readdirSync(corpus, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\/.*\.md$/.test(name),
    )
  : [];
const cases = files.filter((file) => !INCOMPARABLE[file.split("/").at(-1) ?? ""]).flatMap(casesOf);

test("the llhttp corpus is there", { skip: cases.length === 0 && `no corpus at ${corpus}` }, () => {
  assert.ok(cases.length > 150, `${cases.length} cases were read`);
});

for (const { file, title, leniency, kind, bytes } of cases) {
  if (leniency === undefined) continue;
  test(`${file}: ${title} is refused, where llhttp needs ${leniency} to read it`, () => {
    const { fault } = readMessages(kind, [withHost(bytes)]);
    assert.notEqual(fault, undefined);
    assert.notEqual(fault, "HOST", "refused for want of a Host, not for what the case is about");
  });
}

for (const each of cases) {
  if (each.leniency !== undefined) continue;
  const mustRefuse = /error code=(?!2[123] )|finish=2/.test(each.log);
  test(`${each.file}: ${each.title} is ${mustRefuse ? "refused" : "read as llhttp reads it"}`, () => {
    const options = { isEnded: each.isEnded };
    let reading = readMessages(each.kind, [each.bytes], options);
    if (mustRefuse) {
      // A refusal for want of a Host would hide what the case is about.
      if (reading.fault === "HOST")
        reading = readMessages(each.kind, [withHost(each.bytes)], options);
      assert.notEqual(reading.fault, undefined, "nothing was refused");
      return;
    }
    if (reading.fault === "HOST")
      reading = readMessages(each.kind, [withHost(each.bytes)], options);
    if (reading.fault !== undefined) {
      const allowed = STRICTER[reading.fault] ?? [];
      assert.ok(
        allowed.some(({ pattern }) => pattern.test(reading.detail)),
        `refused with ${reading.fault}: ${reading.detail}`,
      );
      return;
    }
    compare(reading.messages, expectedOf(each.log), each.kind);
  });
}

/** Adds the Host that most of the corpus leaves out: the target's own, else `corpus`. */
function withHost(bytes: Buffer): Buffer {
  const line = /^([A-Z-]+ (\S+) HTTP\/1\.1\r\n)(?!(?:.+\r\n)*host:)/gim;
  const text = bytes.toString("latin1").replace(line, (_, start: string, target: string) => {
    const host = /^http:\/\/([^/?]+)/.exec(target)?.[1] ?? "corpus";
    return `${start}${ADDED_HOST}: ${host}\r\n`;
  });
  return Buffer.from(text, "latin1");
}

function compare(
  messages: ReturnType<typeof readMessages>["messages"],
  expected: Expected[],
  kind: string,
): void {
  const seen = messages.map((message) => ({
    ...(kind === "request" && { target: message.startLine.split(" ")[1] }),
    fields: [...message.fields, ...message.trailers].filter(([name]) => name !== ADDED_HOST),
    body: message.body,
  }));
  const wanted = expected.slice(0, seen.length).map((message) => ({
    ...(kind === "request" && { target: message.startLine }),
    fields: message.fields,
    body: message.body,
  }));
  assert.deepEqual(seen, wanted);
}
