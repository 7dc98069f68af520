import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Scope } from "./scope.ts";

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
const HEADER_BYTES = 12;
const NXDOMAIN = 3;
const SERVFAIL = 2;

/** One answer of a `DnsServer`. */
export type ServedRecord =
  | { readonly type: "A"; readonly address: string; readonly ttl: number }
  | {
      readonly type: "SRV";
      readonly target: string;
      readonly port: number;
      readonly priority: number;
      readonly weight: number;
      readonly ttl: number;
    };

/** A DNS server on loopback that says what `records` holds at the moment, over UDP. */
export type DnsServer = {
  /** By lower-case name; a name without an entry does not exist, "broken" answers SERVFAIL. */
  readonly records: Map<string, readonly ServedRecord[] | "broken">;
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** How often a name was asked for. */
  asked(name: string): number;
  close(): Promise<void>;
};

/** Starts it on a free port. */
export async function startDnsServer(t: Scope): Promise<DnsServer> {
  const records: DnsServer["records"] = new Map();
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, type, end } = readQuestion(query);
    asked.push(name);
    const found = records.get(name);
    const answers =
      found === undefined || found === "broken"
        ? []
        : found.filter((one) => TYPES[one.type] === type).map(writeRecord);
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    const code = found === undefined ? NXDOMAIN : found === "broken" ? SERVFAIL : 0;
    header.writeUInt16BE(0x8180 | code, 2); // a response, recursion available
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    const question = query.subarray(HEADER_BYTES, end);
    socket.send(Buffer.concat([header, question, ...answers]), from.port, from.address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    const closed = once(socket, "close");
    socket.close();
    await closed;
  };
  t.after(close);
  const address = `127.0.0.1:${socket.address().port}`;
  return {
    records,
    address,
    asked: (name) => asked.filter((one) => one === name).length,
    close,
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function writeRecord(record: ServedRecord): Buffer {
  const data = record.type === "A" ? writeAddress(record.address) : writeService(record);
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0); // the name of the question
  head.writeUInt16BE(TYPES[record.type], 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(record.ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function writeAddress(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

function writeService(record: Extract<ServedRecord, { type: "SRV" }>): Buffer {
  const numbers = Buffer.alloc(6);
  numbers.writeUInt16BE(record.priority, 0);
  numbers.writeUInt16BE(record.weight, 2);
  numbers.writeUInt16BE(record.port, 4);
  const labels = record.target.split(".").flatMap((label) => {
    return [Buffer.from([label.length]), Buffer.from(label, "latin1")];
  });
  return Buffer.concat([numbers, ...labels, Buffer.from([0])]);
}
