// Messages of every shape RFC 9112 has, near misses included, for the codec's fuzz tests.
import fc from "fast-check";

/** One of these bytes, each as a character. */
const oneOf = (letters: string) => fc.constantFrom(...letters.split(""));
const tchar = oneOf("abcxyzABCXYZ019-_.!#$%&'*+^`|~");
const token = fc.string({ unit: tchar, minLength: 1, maxLength: 10 });
/** Mostly `usual`, now and then one of the others. */
function mostly(usual: readonly string[], others: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 15, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  );
}
const space = fc.constantFrom("", " ", " ", " ", "\t", "  ");
const fieldText = fc
  .string({ unit: oneOf("aZ09 \t\"',;=\xe9\x80~/()<>@"), maxLength: 24 })
  .map((text) => text.trim());
const option = mostly(
  "close keep-alive keep-alive upgrade TE x-hop X-Hop2 , trailer".split(" "),
  "host content-length cookie".split(" "),
);
const hosts = ["a", "shop:80", "reviews.shop", "[::1]:8080", "A"];

/** Fields that mean something to the codec, right and wrong, beside those that mean nothing. */
const field = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(token, fieldText) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("X-Hop", "x-hop2", "Cookie"), fieldText) },
  {
    weight: 2,
    arbitrary: fc.tuple(
      fc.constantFrom("Connection", "connection", "Proxy-Connection"),
      fc.array(option, { minLength: 1, maxLength: 4 }).map((options) => options.join(", ")),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<[string, string]>(
      ["TE", "trailers"],
      ["te", "gzip;q=0.5, trailers"],
      ["Upgrade", "websocket"],
      ["Expect", "100-continue"],
      ["Expect", "200-maybe"],
      ["Trailer", "X-Sum"],
      ["Keep-Alive", "timeout=5"],
      ["HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"],
      ["Content_Length", "5"],
    ),
  },
);
const fieldLine = fc
  .tuple(field, space, space)
  .map(([[name, value], before, after]) => `${name}:${before}${value}${after}\r\n`);
const fieldLines = fc.array(fieldLine, { maxLength: 8 }).map((lines) => lines.join(""));

const payload = fc.string({ unit: oneOf("ab\r\n0;:\0\xff"), maxLength: 40 });
const extension = mostly(
  ["", "", "", ";a", ";a=b", ';a="q\\"x"', ";a;b=c"],
  [" ;a", "; a", ";", ";=", ';a="x', " "],
);
const chunk = fc
  .tuple(payload, extension, fc.constantFrom("", "", "", "0", "000"), fc.boolean())
  .map(([text, ext, zeros, isUpper]) => {
    const hex = text.length.toString(16);
    return text === "" ? "" : `${zeros}${isUpper ? hex.toUpperCase() : hex}${ext}\r\n${text}\r\n`;
  });
const trailerLines = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  { weight: 2, arbitrary: fieldLines },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "grpc-status: 0\r\ngrpc-message: fine\r\n",
      "Content-Length: 3\r\nX-Sum: 1\r\n",
      "Host: b\r\n",
      "Transfer-Encoding: chunked\r\n",
    ),
  },
);
const chunks = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), fc.constantFrom("0", "0", "000"), trailerLines)
  .map(([parts, last, trailers]) => `${parts.join("")}${last}\r\n${trailers}\r\n`);

/** Framing field lines and the body behind them; the last ones are what smuggling is made of. */
const framing = fc.oneof(
  { weight: 3, arbitrary: fc.constant<[string, string]>(["", ""]) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(payload, fc.constantFrom("", "", "0"))
      .map(([body, zero]): [string, string] => [`Content-Length: ${zero}${body.length}\r\n`, body]),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom("chunked", "Chunked", "chunked "), chunks)
      .map(([coding, body]): [string, string] => [`Transfer-Encoding: ${coding}\r\n`, body]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
          "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
          "Content-Length: 3\r\nContent-Length: 4\r\n",
          "Content-Length: 3, 3\r\n",
          "Content-Length: +3\r\n",
          "Content-Length: 0x3\r\n",
          "Transfer-Encoding: gzip, chunked\r\n",
          "Transfer-Encoding: chunked, identity\r\n",
          "Transfer-Encoding: xchunked\r\n",
          "Transfer-Encoding:\x0bchunked\r\n",
          "Transfer-Encoding : chunked\r\n",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ),
        fc.oneof(chunks, payload),
      )
      .map(([lines, body]): [string, string] => [lines, body]),
  },
);

const path = fc.string({ unit: oneOf('az09/?&=%|"{}.;'), maxLength: 16 }).map((text) => `/${text}`);
const startAndHost = fc
  .tuple(
    fc.constantFrom(..."GET GET GET POST POST PUT DELETE HEAD OPTIONS PROPFIND PURGE".split(" ")),
    path,
    fc.constantFrom(...hosts),
    mostly(["origin", "origin", "origin", "absolute"], ["asterisk", "elsewhere"]),
    mostly(["1.1", "1.1", "1.1", "1.1", "1.0"], ["1.2", "2.0", "0.9"]),
    mostly(["Host: ", "Host: ", "host:", "HOST: \t"], [""]),
  )
  .map(([method, where, host, form, version, hostName]) => {
    const target =
      form === "origin"
        ? where
        : form === "asterisk"
          ? "*"
          : `http://${form === "elsewhere" ? "b" : host}${where}`;
    const hostLine = hostName === "" ? "" : `${hostName}${host}\r\n`;
    return `${method} ${target} HTTP/${version}\r\n${hostLine}`;
  });

const request = fc
  .tuple(startAndHost, fieldLines, framing)
  .map(([start, fields, [lines, body]]) => `${start}${fields}${lines}\r\n${body}`);

const statusLine = fc
  .tuple(
    mostly(["1.1", "1.1", "1.1", "1.0"], ["1.2"]),
    mostly("200 200 200 201 204 304 404 500 100 103".split(" "), "101 99 1000 2OO".split(" ")),
    fc.constantFrom(" OK", " OK", " ", "", " Not \xe9 here", " a\tb"),
  )
  .map(([version, status, reason]) => `HTTP/${version} ${status}${reason}\r\n`);
const response = fc
  .tuple(statusLine, fieldLines, framing)
  .map(([start, fields, [lines, body]]) => `${start}${fields}${lines}\r\n${body}`);

/** What has fooled parsers, to be put anywhere. */
const SNIPPETS: readonly string[] = [
  ..."\r|\n|\r\n|\n\n|\r\n\r\n| |\t|:|;|,|\0|\x7f|\xff|\x0b|\x85|0|a|G".split("|"),
  "\r\n ",
  "\r\n\t",
  "\nX: y",
  "\rX: y",
  "0\r\n\r\n",
  "Content-Length: 1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: b\r\n",
  "Connection: close\r\n",
  " HTTP/1.1",
  "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
];

type Change = readonly [
  kind: "replace" | "insert" | "delete" | "repeat" | "cut",
  place: number,
  snippet: string,
  length: number,
];
const change = fc.tuple(
  fc.constantFrom<Change[0]>("replace", "insert", "insert", "delete", "repeat", "cut"),
  fc.nat(4_000),
  fc.constantFrom(...SNIPPETS),
  fc.integer({ min: 1, max: 12 }),
);

function applyChange(text: string, [kind, anywhere, snippet, length]: Change): string {
  const place = anywhere % (text.length + 1);
  const before = text.slice(0, place);
  switch (kind) {
    case "replace":
      return before + snippet + text.slice(place + snippet.length);
    case "insert":
      return before + snippet + text.slice(place);
    case "delete":
      return before + text.slice(place + length);
    case "repeat":
      return before + text.slice(place, place + length) + text.slice(place);
    default:
      return before;
  }
}

/** One to three messages of the grammar, in half of the cases with up to four changes. */
function bytesOf(message: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(
      fc.array(message, { minLength: 1, maxLength: 3 }),
      fc.oneof(fc.constant([]), fc.array(change, { minLength: 1, maxLength: 4 })),
    )
    .map(([messages, changes]) =>
      Buffer.from(changes.reduce(applyChange, messages.join("")), "latin1"),
    );
}

const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

/** What a connection of a client may bring: one to three requests, right, nearly right, or noise. */
export const requestBytes = fc.oneof(
  { weight: 19, arbitrary: bytesOf(request) },
  { weight: 1, arbitrary: noise },
);
/** The same of a server. */
export const responseBytes = fc.oneof(
  { weight: 19, arbitrary: bytesOf(response) },
  { weight: 1, arbitrary: noise },
);
